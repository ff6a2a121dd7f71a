import { AppError } from '../../model/errors/index.ts';

/** What is looked for in a minute or two over a whole network. */
const FAST = [22, 80, 443, 2222, 3389, 8443];
const DEFAULT = [
  21, 22, 23, 25, 53, 80, 110, 143, 389, 443, 445, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2222, 2375, 2376, 2379,
  3000, 3306, 3389, 4222, 5000, 5432, 5672, 5900, 5985, 6379, 6443, 8000, 8080, 8081, 8443, 8444, 8883, 9000, 9090,
  9200, 9443, 10443, 11211, 15672, 27017,
];
const PROFILES: Record<string, () => number[]> = {
  fast: () => FAST,
  default: () => DEFAULT,
  full: () => Array.from({ length: 65_535 }, (_, i) => i + 1),
};

/** A profile's name or a list with ranges; sorted, without repeats. */
export function parsePorts(text: string): number[] {
  const profile = PROFILES[text.trim()];
  if (profile) return profile();
  const ports = new Set<number>();
  for (const part of text.split(',').map((p) => p.trim())) {
    const [first, last] = portRange(text, part);
    for (let port = first; port <= last; port++) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

function portRange(ports: string, part: string): [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
  if (!match)
    throw new AppError('PORTS_INVALID', { ports, why: part === '' ? 'a part is empty' : `"${part}" is no port` });
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65_535) throw new AppError('PORTS_INVALID', { ports, why: 'ports go from 1 to 65535' });
  if (last < first) throw new AppError('PORTS_INVALID', { ports, why: `"${part}" ends before it starts` });
  return [first, last];
}
