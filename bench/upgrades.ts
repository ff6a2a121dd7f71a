/** What an upgrade made of a host's packages, and whether two upgrades are the same one. Pure. */

/** package and architecture → version; what is not installed whole says so */
export type Packages = ReadonlyMap<string, string>;

export const LIST = ['dpkg-query', '-W', '-f', '${Package}:${Architecture}\\t${Version} ${db:Status-Status}\\n'];

/** Lines of `LIST`. */
export function parsePackages(text: string): Packages {
  const pairs = text.split('\n').flatMap((line) => {
    const [name, version] = line.split('\t');
    return name && version ? [[name, version.replace(/ installed$/, '')] as const] : [];
  });
  return new Map(pairs);
}

/** `name: from → to` of each that is another than before. */
export function changesOf(before: Packages, after: Packages): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [from = 'nothing', to = 'nothing'] = [before.get(name), after.get(name)];
    return from === to ? [] : [`${name}: ${from} → ${to}`];
  });
}

interface Side {
  name: string;
  /** of each host */
  changes: readonly (readonly string[])[];
}

/** Every change that not all hosts of both sides saw, with how many did; nothing: they are the same upgrade. */
export function differences(a: Side, b: Side): string[] {
  const all = [...new Set([...a.changes, ...b.changes].flat())].sort();
  const seen = ({ changes }: Side, change: string): number => changes.filter((some) => some.includes(change)).length;
  const told = (side: Side, change: string): string =>
    `${seen(side, change)} of ${side.changes.length} hosts of ${side.name}`;
  return all
    .filter((change) => [a, b].some((side) => seen(side, change) < side.changes.length))
    .map((change) => `${change} on ${told(a, change)}, ${told(b, change)}`);
}
