import * as z from 'zod';
import { normalAddress } from '../../../scan/logic/address.ts';
import type { PushedSource } from './contract.ts';

const Inventory = z.looseObject({
  _meta: z.object({ hostvars: z.record(z.string(), z.looseObject({ ansible_host: z.unknown().optional() })) }),
});
const Group = z.looseObject({ hosts: z.array(z.string()).optional() });
/** In every inventory; they say nothing. */
const NO_TAG = new Set(['_meta', 'all', 'ungrouped']);

/** What `ansible-inventory --list` prints, whatever the inventory is made of. Other variables are never read. */
export const ansible: PushedSource = {
  kind: 'ansible',
  of: 'machines',
  how: 'pushed',
  title: 'Ansible inventory',
  needs:
    'The output of `ansible-inventory --list`, pushed from where the inventory is. Of its variables, only ansible_host is read.',
  isList: true,
  fields: [],
  parse: (text) => {
    const inventory = read(text);
    const groups = new Map<string, string[]>();
    for (const [name, content] of Object.entries(inventory)) {
      if (NO_TAG.has(name)) continue;
      for (const host of Group.safeParse(content).data?.hosts ?? [])
        groups.set(host, [...(groups.get(host) ?? []), name]);
    }
    const listed = new Set([
      ...Object.keys(inventory._meta.hostvars),
      ...groups.keys(),
      ...hostsOf(inventory['ungrouped']),
    ]);
    return [...listed].map((name) => {
      const said = inventory._meta.hostvars[name]?.ansible_host;
      // A template is for Ansible to fill in.
      const where = typeof said === 'string' && !said.includes('{{') ? said : name;
      const address = normalAddress(where);
      return {
        id: name,
        name: normalAddress(name) ? undefined : name,
        addresses: address ? [address] : [],
        ...(address ? {} : { resolve: [where] }),
        tags: Object.fromEntries((groups.get(name) ?? []).map((group) => [`group.${group}`, 'yes'])),
      };
    });
  },
};

const hostsOf = (group: unknown): string[] => Group.safeParse(group).data?.hosts ?? [];

function read(text: string): z.infer<typeof Inventory> {
  const hint = 'give the output of `ansible-inventory --list`';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`this is no JSON; ${hint}`);
  }
  const parsed = Inventory.safeParse(json);
  if (!parsed.success) throw new Error(`it has no _meta.hostvars; ${hint}`);
  return parsed.data;
}
