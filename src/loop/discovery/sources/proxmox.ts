import * as z from 'zod';
import { type AskedSource, type Asking, CA, macOf, secret, setting, type SourceRecord } from './contract.ts';
import { at } from './http.ts';

const Guest = z.object({
  vmid: z.number(),
  name: z.string().optional(),
  node: z.string(),
  type: z.enum(['qemu', 'lxc']),
  status: z.string().optional(),
  tags: z.string().optional(),
  template: z.number().optional(),
});
type Guest = z.infer<typeof Guest>;
const Guests = z.object({ data: z.array(z.unknown()) });
const AgentCards = z.object({
  data: z.object({
    result: z.array(
      z.object({
        name: z.string(),
        'hardware-address': z.string().optional(),
        'ip-addresses': z.array(z.object({ 'ip-address': z.string() })).default([]),
      }),
    ),
  }),
});
const ContainerCards = z.object({
  data: z
    .array(
      z.object({
        name: z.string(),
        hwaddr: z.string().optional(),
        inet: z.string().optional(),
        inet6: z.string().optional(),
      }),
    )
    .nullish(),
});
interface Cards {
  addresses: string[];
  macs: string[];
}

/** Proxmox VE: guests of the whole cluster; addresses as the guest agent (virtual machines) or the node (containers) says. */
export const proxmox: AskedSource = {
  kind: 'proxmox',
  of: 'machines',
  how: 'asked',
  title: 'Proxmox VE',
  needs:
    'An API token with VM.Audit on /vms, and VM.GuestAgent.Audit (before version 9: VM.Monitor) there for addresses of virtual machines, which must run the guest agent.',
  isList: false,
  fields: [
    setting('url', 'a node, such as https://pve.example.org:8006'),
    setting('token-id', 'user@realm!name of the token'),
    secret('token', 'the secret of the token'),
    CA,
  ],
  async *read(asking) {
    const { data } = Guests.parse(await ask(asking, '/api2/json/cluster/resources?type=vm'));
    for (const one of data) {
      const guest = Guest.parse(one);
      if (guest.template === 1) asking.skip('template');
      else if (guest.status !== 'running') asking.skip('guest that does not run');
      else yield recordOf(guest, await cardsOf(asking, guest));
    }
  },
};

function ask({ settings, secrets, http }: Asking, path: string): Promise<unknown> {
  const headers = { authorization: `PVEAPIToken=${settings['token-id']!}=${secrets['token']!.trim()}` };
  return http.ask(at(settings['url']!, path), { headers });
}

async function cardsOf(asking: Asking, guest: Guest): Promise<Cards> {
  const at = `/api2/json/nodes/${encodeURIComponent(guest.node)}/${guest.type}/${guest.vmid}`;
  try {
    if (guest.type === 'lxc') {
      const cards = ContainerCards.parse(await ask(asking, `${at}/interfaces`)).data ?? [];
      return {
        addresses: cards.flatMap((card) => [card.inet, card.inet6]).filter((one) => one !== undefined),
        macs: cards.flatMap((card) => card.hwaddr ?? []),
      };
    }
    const cards = AgentCards.parse(await ask(asking, `${at}/agent/network-get-interfaces`)).data.result;
    return {
      addresses: cards.flatMap((card) => card['ip-addresses'].map((one) => one['ip-address'])),
      macs: cards.flatMap((card) => card['hardware-address'] ?? []),
    };
  } catch (error) {
    asking.signal.throwIfAborted();
    // Most guests have no agent; that is no reason to leave out the rest.
    asking.skip(
      guest.type === 'lxc'
        ? 'container whose addresses the node does not tell'
        : 'virtual machine without a guest agent that answers',
    );
    if (!(error instanceof Error)) throw error;
    return { addresses: [], macs: [] };
  }
}

function recordOf(guest: Guest, cards: Cards): SourceRecord {
  return {
    id: `${guest.type}/${guest.vmid}`,
    name: guest.name,
    addresses: cards.addresses.map((one) => one.split('/')[0]!),
    identifiers: cards.macs.flatMap(macOf),
    tags: Object.fromEntries((guest.tags ?? '').split(/[;, ]+/).flatMap((tag) => (tag ? [[tag, 'yes']] : []))),
    guess: guest.type === 'lxc' ? 'Proxmox container' : 'Proxmox virtual machine',
    evidence: { node: guest.node },
  };
}
