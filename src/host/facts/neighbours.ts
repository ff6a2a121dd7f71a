import { readText } from '../host.ts';
import { by, type FactSection } from './look.ts';

/** Who answered ARP on the wires of this host. Entries that never resolved have the address 00:…:00. */
export const neighbours: FactSection<'neighbours'> = {
  name: 'neighbours',
  version: 1,
  async collect({ host }) {
    const rows = ((await readText(host, '/proc/net/arp')) ?? '').split('\n').slice(1);
    return rows
      .map((row) => row.trim().split(/\s+/))
      .filter(([address, , flags, mac]) => address && mac && flags !== '0x0' && mac !== '00:00:00:00:00:00')
      .map(([address, , , mac, , device]) => ({ address: address!, mac: mac!.toLowerCase(), device: device ?? '' }))
      .sort(
        by(
          (fact) => fact.address,
          (fact) => fact.device,
        ),
      );
  },
};
