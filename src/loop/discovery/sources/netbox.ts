import * as z from 'zod';
import { type AskedSource, type Asking, CA, secret, setting, type SourceRecord } from './contract.ts';
import { at, pages } from './http.ts';

const Named = z.object({ name: z.string().nullish(), slug: z.string().nullish() }).nullish();
const Machine = z.object({
  id: z.number(),
  name: z.string().nullish(),
  status: z.object({ value: z.string() }).nullish(),
  tenant: Named,
  site: Named,
  role: Named,
  device_role: Named,
  platform: Named,
});
type Machine = z.infer<typeof Machine>;
const Address = z.object({
  address: z.string(),
  dns_name: z.string().nullish(),
  assigned_object: z
    .object({
      device: z.object({ id: z.number() }).nullish(),
      virtual_machine: z.object({ id: z.number() }).nullish(),
    })
    .nullish(),
});
const Page = <T extends z.ZodType>(item: T) => z.object({ next: z.string().nullable(), results: z.array(item) });

/** NetBox 3 and 4: devices and virtual machines with every address that its IPAM assigns to their interfaces. */
export const netbox: AskedSource = {
  kind: 'netbox',
  of: 'machines',
  how: 'asked',
  title: 'NetBox',
  needs:
    'An API token that may view dcim.device, virtualization.virtualmachine and ipam.ipaddress; it need not write anything.',
  isList: true,
  fields: [setting('url', 'where NetBox is, such as https://netbox.example.org'), secret('token', 'the API token'), CA],
  read: readNetbox,
};

async function* readNetbox(asking: Asking): AsyncGenerator<SourceRecord> {
  const addresses = new Map<string, z.infer<typeof Address>[]>();
  for await (const one of walk(asking, '/api/ipam/ip-addresses/?limit=500', Address)) {
    const { device, virtual_machine: vm } = one.assigned_object ?? {};
    const owner = device ? `device/${device.id}` : vm ? `virtual-machine/${vm.id}` : null;
    if (owner === null) asking.skip('address that NetBox assigns to no machine');
    else addresses.set(owner, [...(addresses.get(owner) ?? []), one]);
  }
  for (const [kind, path] of [
    ['device', '/api/dcim/devices/'],
    ['virtual-machine', '/api/virtualization/virtual-machines/'],
  ] as const) {
    for await (const machine of walk(asking, `${path}?limit=500`, Machine)) {
      const own = addresses.get(`${kind}/${machine.id}`) ?? [];
      yield recordOf(kind, machine, own);
    }
  }
}

function recordOf(kind: string, machine: Machine, own: z.infer<typeof Address>[]): SourceRecord {
  const role = machine.role ?? machine.device_role;
  const tags = definedOnly({ site: machine.site?.slug, role: role?.slug, 'netbox-status': machine.status?.value });
  return {
    id: `${kind}/${machine.id}`,
    name: machine.name ?? own.find((one) => one.dns_name)?.dns_name ?? undefined,
    addresses: own.map(({ address }) => address.split('/')[0]!),
    owner: machine.tenant?.name ?? undefined,
    guess: wordsOf(role?.name, machine.platform?.name),
    tags,
  };
}

const wordsOf = (...words: (string | null | undefined)[]): string | undefined =>
  words.filter(Boolean).join(', ') || undefined;

const definedOnly = (tags: Record<string, string | null | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).flatMap(([key, value]) => (value ? [[key, value]] : [])));

function walk<T extends z.ZodType>({ settings, secrets, http }: Asking, path: string, item: T) {
  const headers = { authorization: `Token ${secrets['token']!.trim()}` };
  return pages<z.infer<T>>(at(settings['url']!, path), async (url) => {
    const page = Page(item).parse(await http.ask(url, { headers }));
    return { items: page.results as z.infer<T>[], next: page.next };
  });
}
