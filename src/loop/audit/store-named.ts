import { sql } from 'kysely';
import type { PackageOrigin } from '../../model/facts.ts';
import type { Statement } from '../../model/statement.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';

export interface NamedPackage {
  ecosystem: string;
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
  origin: PackageOrigin | null;
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
  return found;
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
    if (!packages.some((one) => one.name === fact.name && one.version === fact.version)) packages.push(fact);
  }
}
