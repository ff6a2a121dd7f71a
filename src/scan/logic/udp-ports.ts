import { AppError } from '../../model/errors/index.ts';

/** Where a protocol of ours lives over UDP: DNS, NTP, SNMP, IPMI. Nothing is sent to other ports. */
export const UDP_ASKED: readonly number[] = [53, 123, 161, 623];

/** `none`, `default` (all that can be asked) or a list of these; sorted, without repeats. */
export function parseUdp(text: string): number[] {
  const word = text.trim();
  if (word === 'none') return [];
  if (word === 'default') return [...UDP_ASKED];
  const ports = word.split(',').map((part) => {
    const port = /^\s*\d{1,5}\s*$/.test(part) ? Number(part) : Number.NaN;
    if (!UDP_ASKED.includes(port))
      throw new AppError('UDP_PORTS_INVALID', { ports: text, part: part.trim(), known: UDP_ASKED.join(', ') });
    return port;
  });
  return [...new Set(ports)].sort((a, b) => a - b);
}
