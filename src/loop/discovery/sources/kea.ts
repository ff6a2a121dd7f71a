import * as z from 'zod';
import { type AskedSource, type Asking, CA, macOf, optional, setting, type SourceRecord } from './contract.ts';

const Lease = z.object({
  'ip-address': z.string(),
  'hw-address': z.string().optional(),
  hostname: z.string().optional(),
  state: z.number().optional(),
  cltt: z.number().optional(),
  'valid-lft': z.number().optional(),
});
const Reply = z.tuple([
  z.object({
    result: z.number(),
    text: z.string().optional(),
    arguments: z.object({ leases: z.array(Lease) }).optional(),
  }),
]);
const PAGE = 1000;
const PAGES = 10_000;
/** Results of Kea's commands: https://kea.readthedocs.io, "Control Channel". */
const DONE = 0;
const UNSUPPORTED = 2;
const EMPTY = 3;
/** Leases that are given out; 1 is declined, 2 expired and reclaimed. */
const ASSIGNED = 0;

/** Kea's control channel, page by page. */
export const kea: AskedSource = {
  kind: 'kea',
  of: 'addresses',
  how: 'asked',
  title: 'Kea DHCP',
  needs:
    'The control channel (or Control Agent) over HTTPS and the hook libdhcp_lease_cmds; the user need not write anything.',
  isList: false,
  fields: [
    setting('url', 'the control channel, such as https://kea.example.org:8000'),
    optional('user', 'who logs in, where it asks'),
    { name: 'password', what: 'the password, where it asks', required: false, secret: true },
    optional('services', 'dhcp4, dhcp6 or both, with a comma between', 'dhcp4'),
    CA,
  ],
  async *read(asking) {
    for (const service of asking.settings['services']!.split(',').map((one) => one.trim())) {
      for await (const lease of leasesOf(asking, service)) {
        if (isGivenOut(lease, asking.now)) yield recordOf(lease);
        else asking.skip('lease that has ended');
      }
    }
  },
};

async function* leasesOf(asking: Asking, service: string): AsyncGenerator<z.infer<typeof Lease>> {
  const command = service === 'dhcp6' ? 'lease6-get-page' : 'lease4-get-page';
  let from = 'start';
  for (let page = 0; page < PAGES; page++) {
    const leases = await ask(asking, { command, service: [service], arguments: { from, limit: PAGE } });
    yield* leases;
    if (leases.length < PAGE) return;
    from = leases.at(-1)!['ip-address'];
  }
  throw new Error(`${command} has no last page`);
}

async function ask(
  { settings, secrets, http }: Asking,
  body: { command: string; service: string[]; arguments: object },
): Promise<z.infer<typeof Lease>[]> {
  const said = await http.ask(settings['url']!, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...login(settings['user'], secrets['password']) },
    body: JSON.stringify(body),
  });
  const [{ result, text = 'no reason given', arguments: told }] = Reply.parse(said);
  if (result === UNSUPPORTED) throw new Error(`Kea does not know ${body.command}; load the hook libdhcp_lease_cmds`);
  if (result !== DONE && result !== EMPTY) throw new Error(`Kea refused ${body.command}: ${text}`);
  return told?.leases ?? [];
}

const login = (user: string | undefined, password = ''): Record<string, string> =>
  user ? { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } : {};

function isGivenOut(lease: z.infer<typeof Lease>, now: Date): boolean {
  if ((lease.state ?? ASSIGNED) !== ASSIGNED) return false;
  if (lease.cltt === undefined || lease['valid-lft'] === undefined) return true;
  return (lease.cltt + lease['valid-lft']) * 1000 > now.getTime();
}

function recordOf(lease: z.infer<typeof Lease>): SourceRecord {
  return {
    id: lease['hw-address'] ?? lease['ip-address'],
    name: lease.hostname?.replace(/\.$/, '') || undefined,
    addresses: [lease['ip-address']],
    identifiers: macOf(lease['hw-address']),
  };
}
