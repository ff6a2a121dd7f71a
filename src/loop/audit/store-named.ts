import { sql } from 'kysely';
import type { PackageOrigin } from '../../model/facts.ts';
import type { Statement } from '../../model/statement.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { called } from './logic/advisories/match.ts';

export interface NamedPackage {
  ecosystem: string;
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
  origin: PackageOrigin | null;
  /** of a library that a program brings along: the file it is in */
  path?: string;
}

export interface HostPackages {
  /** of the running kernel, and of the system, as far as its facts tell */
  kernel: string | null;
  versionId: string | null;
  packages: NamedPackage[];
}

/** Each name is one look into the index of packages. */
const NAMES = 50;

/** The installed packages that statements name, by host: as source or binary package, or as a library of a program. */
export async function packagesNamed(db: DbOrTx, statements: readonly Statement[]): Promise<Map<string, HostPackages>> {
  const found = new Map<string, HostPackages>();
  const names = (of: Statement['of']): string[] => [
    ...new Set(statements.filter((one) => one.of === of).map(({ name }) => name)),
  ];
  // A kernel's source has other names besides its own: linux-signed-amd64.
  const sources = names('source').flatMap((name) => (name === 'linux' ? [name, ...SIGNED] : [name]));
  for (const some of chunks(sources, NAMES)) await addPackages(db, found, 'source', some);
  for (const some of chunks(names('binary'), NAMES)) await addPackages(db, found, 'name', some);
  const libraries = statements.filter(({ ecosystem }) => LIBRARIES.includes(ecosystem));
  if (libraries.length > 0) await addLibraries(db, found, libraries);
  return found;
}

/** Kinds of libraries that facts tell of. */
export const LIBRARIES = ['Maven', 'PyPI', 'RubyGems', 'npm'];

/**
 * Lists that many hosts have in common are looked through once, and only what is named leaves the database: all libraries
 * of a big estate are millions.
 */
async function addLibraries(
  db: DbOrTx,
  found: Map<string, HostPackages>,
  statements: readonly Statement[],
): Promise<void> {
  const keys = statements.map(({ ecosystem, name }) => `${ecosystem} ${called(ecosystem, name)}`);
  const { rows } = await sql<{ host_id: string; ecosystem: string; name: string; version: string; path: string }>`
    with named as materialized (
      select c.hash, p ->> 'ecosystem' as ecosystem, p ->> 'name' as name, p ->> 'version' as version, p ->> 'path' as path
      from audit.section_content c cross join jsonb_array_elements(c.data -> 'components') p
      where c.name = 'inventories'
        and exists (select from audit.section s where s.name = c.name and s.hash = c.hash)
        and (p ->> 'ecosystem') || ' ' || case p ->> 'ecosystem'
          when 'PyPI' then regexp_replace(lower(p ->> 'name'), '[-_.]+', '-', 'g') else p ->> 'name' end = ${anyOf([...new Set(keys)])})
    select s.host_id, n.ecosystem, n.name, n.version, n.path
    from named n join audit.section s on s.name = 'inventories' and s.hash = n.hash
    order by s.host_id`.execute(db);
  for (const { host_id: id, ...one } of rows) {
    if (!found.has(id)) found.set(id, { kernel: null, versionId: null, packages: [] });
    found.get(id)!.packages.push({ ...one, source: one.name, sourceVersion: one.version, origin: null });
  }
}

export interface HostSystem {
  /** of its packages */
  ecosystems: readonly string[];
  /** as os-release has it; null: it says none */
  versionId: string | null;
}

/** Hosts whose packages are known. */
export async function systemsByHost(db: DbOrTx): Promise<Map<string, HostSystem>> {
  const { rows } = await sql<{ host_id: string; ecosystems: string[] | null; version_id: string | null }>`
    select s.host_id, c.ecosystems, o.data ->> 'versionId' as version_id
    from audit.section s
    join audit.section_content c on c.name = s.name and c.hash = s.hash
    left join audit.section os on os.host_id = s.host_id and os.name = 'os'
    left join audit.section_content o on o.name = 'os' and o.hash = os.hash
    where s.name = 'packages'`.execute(db);
  return new Map(rows.map((row) => [row.host_id, { ecosystems: row.ecosystems ?? [], versionId: row.version_id }]));
}

/** Hosts whose programs were looked into, with the number of places that could not be read. */
export async function unreadByHost(db: DbOrTx): Promise<Map<string, number>> {
  const { rows } = await sql<{ host_id: string; unread: number }>`
    select s.host_id, jsonb_array_length(c.data -> 'unread') as unread
    from audit.section s join audit.section_content c on c.name = s.name and c.hash = s.hash
    where s.name = 'inventories'`.execute(db);
  return new Map(rows.map((row) => [row.host_id, row.unread]));
}

const SIGNED = ['amd64', 'arm64', 'i386', 'armhf'].map((arch) => `linux-signed-${arch}`);

interface Row extends NamedPackage {
  host_id: string;
  kernel: string | null;
  version_id: string | null;
}

async function addPackages(
  db: DbOrTx,
  found: Map<string, HostPackages>,
  field: 'source' | 'name',
  names: readonly string[],
): Promise<void> {
  const likes = names.map((name) => sql`c.data @> ${JSON.stringify([{ [field]: name }])}::jsonb`);
  const { rows } = await sql<Row>`
    select s.host_id, o.data ->> 'kernel' as kernel, o.data ->> 'versionId' as version_id,
      p ->> 'ecosystem' as ecosystem, p ->> 'name' as name, p ->> 'version' as version,
      p ->> 'source' as source, p ->> 'sourceVersion' as "sourceVersion", p ->> 'origin' as origin
    from audit.section_content c
    join audit.section s on s.name = c.name and s.hash = c.hash
    cross join jsonb_array_elements(c.data) p
    left join audit.section os on os.host_id = s.host_id and os.name = 'os'
    left join audit.section_content o on o.name = 'os' and o.hash = os.hash
    where c.name = 'packages' and (${sql.join(likes, sql` or `)}) and p ->> ${sql.lit(field)} = ${anyOf(names)}
    order by s.host_id`.execute(db);
  for (const { host_id: id, kernel, version_id: versionId, ...fact } of rows) {
    if (!found.has(id)) found.set(id, { kernel, versionId, packages: [] });
    const { packages } = found.get(id)!;
    const isThere = packages.some((one) => one.name === fact.name && one.version === fact.version);
    if (!isThere) packages.push(fact);
  }
}
