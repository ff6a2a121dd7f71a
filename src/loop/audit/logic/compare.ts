import type { Difference } from '../../../model/compare.ts';
import type { Facts, OsFacts } from '../../../model/facts.ts';
import { streamInWords, streamOf, streamOfHost } from './advisories/streams.ts';

type Values = ReadonlyMap<string, string>;

/** In order of what differs; and how many are the same on both. */
export function differences(first: Values, second: Values): { items: Difference[]; same: number } {
  const all = [...new Set([...first.keys(), ...second.keys()])].sort();
  const items = all.flatMap((what): Difference[] => {
    const [a, b] = [first.get(what) ?? null, second.get(what) ?? null];
    return a === b ? [] : [{ what, first: a, second: b }];
  });
  return { items, same: all.length - items.length };
}

/** Name (with the architecture where there are several) → versions. */
export function packagesIn({ packages }: Partial<Facts>): Values {
  const found = new Map<string, string[]>();
  for (const { ecosystem, name, arch, version } of packages ?? [])
    found.set(`${name}:${arch} (${ecosystem})`, [...(found.get(`${name}:${arch} (${ecosystem})`) ?? []), version]);
  return new Map([...found].map(([key, versions]) => [key, versions.sort().join(', ')]));
}

/** Red Hat's alone. */
function streamIn(os: OsFacts): string {
  const stream = streamOf(streamOfHost(os));
  return stream === null ? 'the main stream' : streamInWords(stream);
}

/** What an administrator decides: settings of sshd and the kernel, what starts at boot, where packages are from. */
export function settingsIn({ os, settings, services, archive, kernel }: Partial<Facts>): Values {
  const entries: [string, string][] = [
    ...(os ? ([['os', os.prettyName]] as [string, string][]) : []),
    ...(os?.updatesFrom ? ([['updates from', streamIn(os)]] as [string, string][]) : []),
    ...(kernel ? ([['kernel that runs', kernel.release]] as [string, string][]) : []),
    ...Object.entries(settings?.sshd ?? {}).map(([key, value]): [string, string] => [`sshd ${key}`, value]),
    ...Object.entries(settings?.sysctl ?? {}).map(([key, value]): [string, string] => [`sysctl ${key}`, value]),
    ...(services ?? []).flatMap(({ name, enabled }): [string, string][] =>
      enabled === null ? [] : [[`service ${name}`, enabled ? 'starts at boot' : 'does not start at boot']],
    ),
    ...(archive?.archives ?? []).map((one): [string, string] => [`archive ${one}`, 'is installed from']),
  ];
  return new Map(entries);
}
