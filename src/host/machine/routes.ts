import type { RouteFact } from '../../model/facts.ts';
import { addressOf } from '../proc/net.ts';

const UP = 0x1;
const REJECT = 0x200;
/** entries that the kernel made for one peer */
const CACHE = 0x0100_0000;
const LOCAL = 0x8000_0000;

/** /proc/net/route: addresses and masks as little-endian numbers. */
export function parseRoutes4(text: string): RouteFact[] {
  return text.split('\n').flatMap((line) => {
    const [device, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (!device || !mask || !/^[0-9A-F]{8}$/i.test(destination ?? '')) return [];
    const bits = Number.parseInt(flags!, 16);
    if (!(bits & UP) || bits & REJECT) return [];
    return [
      {
        destination: `${addressOf(destination!)}/${ones(mask)}`,
        gateway: /^0+$/.test(gateway!) ? null : addressOf(gateway!),
        device,
        metric: Number(metric),
      },
    ];
  });
}

/** /proc/net/ipv6_route: addresses in network order. Link-local, multicast and this host's own addresses are no routes. */
export function parseRoutes6(text: string): RouteFact[] {
  return text.split('\n').flatMap((line) => {
    const [destination, prefix, , , gateway, metric, , , flags, device] = line.trim().split(/\s+/);
    if (!device || !/^[0-9a-f]{32}$/.test(destination ?? '')) return [];
    const bits = Number.parseInt(flags!, 16);
    const isOurs = device === 'lo' || /^fe[89ab]|^ff/.test(destination!);
    if (isOurs || !(bits & UP) || bits & REJECT || bits & CACHE || bits >= LOCAL) return [];
    return [
      {
        destination: `${address6(destination!)}/${Number.parseInt(prefix!, 16)}`,
        gateway: /^0+$/.test(gateway!) ? null : address6(gateway!),
        device,
        metric: Number.parseInt(metric!, 16),
      },
    ];
  });
}

const ones = (mask: string): number => (Number.parseInt(mask, 16).toString(2).match(/1/g) ?? []).length;
const address6 = (hex: string): string => new URL(`http://[${hex.match(/.{4}/g)!.join(':')}]/`).hostname.slice(1, -1);
