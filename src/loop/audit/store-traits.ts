import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Trait } from './logic/likely-source.ts';
import type { TraitKind } from '../../model/likely-source.ts';

/** What facts tell of where a host comes from, by section. */
interface Bits {
  image?: string | null;
  cloud?: string | null;
  sshd?: Record<string, string> | null;
  sysctl?: Record<string, string> | null;
  archives?: string[] | null;
  packages?: { name: string; version: string; origin?: string | null }[] | null;
}

export interface HostTraits {
  kinds: Set<TraitKind>;
  traits: Trait[];
}

const SECTIONS = ['archive', 'hardware', 'os', 'packages', 'settings'] as const;

/** Of each host what it has of these; contents that many hosts have are read once. `packages`: only these are of interest. */
export async function traitsOf(
  db: DbOrTx,
  hostIds: readonly string[],
  packages: readonly string[],
): Promise<Map<string, HostTraits>> {
  const { rows } = await sql<{ name: string; hosts: string[]; bits: Bits | null }>`
    select c.name, u.hosts, case c.name
      when 'os' then jsonb_build_object('image', c.data -> 'image')
      when 'hardware' then jsonb_build_object('cloud', c.data #> '{cloud,image}')
      when 'settings' then jsonb_build_object('sshd', c.data -> 'sshd', 'sysctl', c.data -> 'sysctl')
      when 'archive' then jsonb_build_object('archives', c.data -> 'archives')
      else jsonb_build_object('packages', (select jsonb_agg(p) from jsonb_array_elements(c.data) p
        where p ->> 'name' = ${anyOf(packages)})) end as bits
    from (select name, hash, array_agg(host_id) as hosts from audit.section
      where host_id = ${anyOf(hostIds)} and name = ${anyOf(SECTIONS)} and hash is not null group by name, hash) u
    join audit.section_content c on c.name = u.name and c.hash = u.hash`.execute(db);
  const found = new Map<string, HostTraits>();
  for (const { hosts, bits } of rows) {
    const read = readBits(bits ?? {});
    for (const hostId of hosts) {
      const its = found.get(hostId) ?? { kinds: new Set(), traits: [] };
      for (const kind of read.kinds) its.kinds.add(kind);
      its.traits.push(...read.traits);
      found.set(hostId, its);
    }
  }
  return found;
}

function readBits({ image, cloud, sshd, sysctl, archives, packages }: Bits): HostTraits {
  const lines = [...lineList('sshd', sshd), ...lineList('sysctl', sysctl)];
  const named = (packages ?? []).map(
    ({ name, version, origin }) => `${name} ${version}${origin ? ` from ${origin}` : ''}`,
  );
  const all: [TraitKind, readonly string[] | null][] = [
    ['image', image ? [image] : null],
    ['cloud image', cloud ? [cloud] : null],
    ['setting', lines.length > 0 ? lines : null],
    ['archive', archives ?? null],
    ['package', packages === undefined ? null : named],
  ];
  const known = all.filter((one): one is [TraitKind, string[]] => one[1] !== null);
  return {
    kinds: new Set(known.map(([kind]) => kind)),
    traits: known.flatMap(([kind, values]) => [...new Set(values)].map((value) => ({ kind, value }))),
  };
}

const lineList = (of: string, values: Record<string, string> | null | undefined): string[] =>
  Object.entries(values ?? {}).map(([key, value]) => `${of} ${key} ${value}`);
