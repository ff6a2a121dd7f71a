import * as z from 'zod';
import { macOf, type PushedSource } from './contract.ts';

const Leases = z.array(
  z.object({
    'ip-address': z.string(),
    'mac-address': z.string().optional(),
    hostname: z.string().optional(),
    'expiry-time': z.number().optional(),
  }),
);

/** What libvirt writes down about the guests of its networks, one file a bridge. */
export const libvirt: PushedSource = {
  kind: 'libvirt',
  of: 'addresses',
  how: 'pushed',
  title: 'libvirt',
  needs:
    'The lease file of a network, /var/lib/libvirt/dnsmasq/<bridge>.status, pushed by a timer on the virtualisation host.',
  isList: false,
  fields: [],
  parse: (text, { now, skip }) => {
    // With no guest, libvirt leaves an empty file.
    const parsed = Leases.safeParse(text.trim() === '' ? [] : jsonOf(text));
    if (!parsed.success)
      throw new Error('this is no lease file of libvirt: a JSON list with ip-address in each member');
    return parsed.data.flatMap((lease) => {
      const ends = lease['expiry-time'];
      if (ends !== undefined && ends !== 0 && ends * 1000 <= now.getTime()) {
        skip('lease that has ended');
        return [];
      }
      return [
        {
          id: lease['mac-address'] ?? lease['ip-address'],
          name: lease.hostname,
          addresses: [lease['ip-address']],
          identifiers: macOf(lease['mac-address']),
          guess: 'virtual machine of libvirt',
        },
      ];
    });
  },
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
