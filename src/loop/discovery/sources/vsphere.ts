import * as z from 'zod';
import { type AskedSource, type Asking, CA, macOf, secret, setting, type SourceRecord } from './contract.ts';
import { at } from './http.ts';

const Vms = z.array(z.object({ vm: z.string(), name: z.string(), power_state: z.string() }));
const Cards = z.array(
  z.object({
    mac_address: z.string().optional(),
    ip: z.object({ ip_addresses: z.array(z.object({ ip_address: z.string() })).default([]) }).optional(),
  }),
);
const Identity = z.object({
  host_name: z.string().optional(),
  full_name: z.object({ default_message: z.string() }).optional(),
});

/** vSphere's Automation API (vCenter 7.0 U2 and later). */
export const vsphere: AskedSource = {
  kind: 'vsphere',
  of: 'machines',
  how: 'asked',
  title: 'VMware vSphere',
  needs:
    'A user with the role Read-only on the data centre, with propagation; addresses come from VMware Tools of each virtual machine.',
  isList: false,
  fields: [
    setting('url', 'the vCenter, such as https://vcenter.example.org'),
    setting('user', 'who logs in'),
    secret('password', 'the password'),
    CA,
  ],
  async *read(asking) {
    const { settings, secrets, http } = asking;
    const basic = Buffer.from(`${settings['user']!}:${secrets['password']!}`).toString('base64');
    const session = await http.ask(at(settings['url']!, '/api/session'), {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
    });
    const headers = { 'vmware-api-session-id': z.string().parse(session) };
    try {
      const vms = Vms.parse(await http.ask(at(settings['url']!, '/api/vcenter/vm'), { headers }));
      for (const vm of vms) {
        if (vm.power_state === 'POWERED_ON') yield await recordOf(asking, headers, vm);
        else asking.skip('virtual machine that is off');
      }
    } finally {
      await http
        .ask(at(settings['url']!, '/api/session'), { method: 'DELETE', headers, as: 'text' })
        .catch(() => undefined);
    }
  },
};

async function recordOf(
  asking: Asking,
  headers: Record<string, string>,
  { vm, name }: z.infer<typeof Vms>[number],
): Promise<SourceRecord> {
  const ask = (path: string): Promise<unknown> =>
    asking.http.ask(at(asking.settings['url']!, `/api/vcenter/vm/${encodeURIComponent(vm)}/guest/${path}`), {
      headers,
    });
  try {
    const cards = Cards.parse(await ask('networking/interfaces'));
    const identity = Identity.parse(await ask('identity'));
    return {
      id: vm,
      name: identity.host_name || name,
      addresses: cards.flatMap((card) => card.ip?.ip_addresses.map((one) => one.ip_address) ?? []),
      identifiers: cards.flatMap((card) => macOf(card.mac_address)),
      guess: identity.full_name?.default_message ?? 'VMware virtual machine',
    };
  } catch (error) {
    asking.signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    asking.skip('virtual machine without VMware Tools that answer');
    return { id: vm, name, addresses: [], guess: 'VMware virtual machine' };
  }
}
