import { sql } from 'kysely';
import { systemActor } from '../src/model/actor.ts';
import type { PackageFact } from '../src/model/facts.ts';
import type { Discovery } from '../src/loop/discovery/index.ts';
import { chunks } from '../src/platform/db/many.ts';
import { internHost, listKey } from '../src/loop/audit/intern-host.ts';
import { interned } from '../src/loop/audit/logic/interned.ts';
import { internPackages } from '../src/loop/audit/store-interned.ts';
import { canonicalBytes, sha256Hex } from '../src/platform/ledger/index.ts';
import type { RunningPlatform } from '../src/platform/index.ts';

export const SOURCES = 1250;
const VERSIONS = 4;
const PER_HOST = 400;
/** On so many hosts the list of packages is the same to the letter. */
export const ALIKE = 5;
const BATCH = 1000;
/** So many different sets of what runs, of so many packages each. The first is a power of two. */
const [USES, USED] = [64, 100];

/** The same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Few are nearly everywhere, and most are rare. */
const skewed = (random: () => number, count: number, by = 3): number => Math.floor(count * random() ** by);
const sourceName = (index: number): string => `source-${index}`;
const versionName = (index: number): string => `1.${index}-1+deb12u${index}`;

function packageOf(source: number, version: number): PackageFact {
  return {
    ecosystem: 'Debian',
    name: `lib${sourceName(source)}`,
    version: versionName(version),
    arch: 'amd64',
    source: sourceName(source),
    sourceVersion: versionName(version),
    status: 'installed',
    candidate: versionName(VERSIONS - 1),
    origin: 'main',
  };
}

/** 400 packages: half of them what every host has, the others by taste; most hosts are up to date, and some lag behind. */
export function packagesOf(list: number): PackageFact[] {
  const random = randomFrom(list + 1);
  const sources = new Set(Array.from({ length: PER_HOST / 2 }, (_, index) => index));
  while (sources.size < PER_HOST) sources.add(skewed(random, SOURCES, 1.5));
  const lag = skewed(random, VERSIONS, 2);
  return [...sources].map((source) =>
    packageOf(source, Math.max(0, VERSIONS - 1 - Math.min(VERSIONS - 1, lag + skewed(random, 2, 4)))),
  );
}

/** Ranges in the tracker's shape: most were fixed before whatever is installed, some are fixed in between or not at all. */
export function trackerOf(ranges: number, extra = 0): object {
  const random = randomFrom(99);
  const said: Record<string, Record<string, object>> = {};
  const add = (source: number, id: string, release: object): void => {
    (said[sourceName(source)] ??= {})[id] = { releases: { bookworm: release } };
  };
  for (let index = 0; index < ranges; index++) {
    const dice = random();
    const fixed = dice < 0.8 ? '0.9-1' : versionName(1 + skewed(random, VERSIONS - 1, 1));
    const open = { status: 'open', urgency: 'medium' };
    const release = dice > 0.97 ? open : { status: 'resolved', fixed_version: fixed, urgency: 'not yet assigned' };
    add(skewed(random, SOURCES, 1.5), `CVE-2020-${10_000 + index}`, release);
  }
  for (let index = 0; index < extra; index++)
    add(7, `CVE-2026-${10_000 + index}`, {
      status: 'resolved',
      fixed_version: versionName(VERSIONS - 1),
      urgency: 'high',
    });
  return said;
}

const KERNEL = '6.1.0-18-amd64';
const RELEASE = '12';
/** Of so many hosts it is tried whether the real path would write anything else. */
const TRIED = 50;

/** The hosts, found by a scan, and their facts as agents' requests leave them; returns the hosts' ids. */
export async function fill(platform: RunningPlatform, discovery: Discovery, hosts: number): Promise<string[]> {
  const ids = await findHosts(platform, discovery, hosts);
  const lists = Math.max(1, Math.ceil(hosts / ALIKE));
  const hashes: string[] = [];
  for (const some of chunks([...Array(lists).keys()], 50)) {
    const contents = some.map((list) => canonicalBytes(packagesOf(list)));
    const own = contents.map((bytes) => sha256Hex(bytes));
    hashes.push(...own);
    await sql`insert into audit.section_content (name, hash, data, first_seen, ecosystems)
      select 'packages', n.hash, n.data::jsonb, now(), '{Debian}' from unnest(${own}::text[],
        ${contents.map((bytes) => Buffer.from(bytes).toString())}::text[]) as n (hash, data)`.execute(platform.db);
  }
  const os = { id: 'debian', versionId: RELEASE, kernel: KERNEL };
  const osHash = sha256Hex(canonicalBytes(os));
  await sql`insert into audit.section_content (name, hash, data, first_seen)
    values ('os', ${osHash}, ${JSON.stringify(os)}::jsonb, now())`.execute(platform.db);
  for (const some of chunks([...ids.keys()], 5000)) {
    await sql`insert into audit.section (host_id, name, hash, version, collected_at, received_at)
      select n.host_id, s.name, case s.name when 'os' then ${osHash} else n.hash end, 1, now(), now()
      from unnest(${some.map((index) => ids[index]!)}::text[], ${some.map((index) => hashes[index % lists]!)}::text[]) as n (host_id, hash)
      cross join (values ('os'), ('packages')) as s (name)`.execute(platform.db);
  }
  await sql`insert into audit.host_report (host_id, reported_at)
    select host_id, max(received_at) from audit.section group by host_id`.execute(platform.db);
  await internAll(platform, discovery, ids, hashes);
  return ids;
}

export async function findHosts(platform: RunningPlatform, discovery: Discovery, hosts: number): Promise<string[]> {
  const ids: string[] = [];
  for (let first = 0; first < hosts; first += BATCH) {
    const sightings = Array.from({ length: Math.min(BATCH, hosts - first) }, (_, index) => {
      const host = first + index;
      return {
        source: 'scan' as const,
        address: `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`,
        at: new Date(Date.UTC(2026, 0, 1)).toISOString(),
        identifiers: [{ kind: 'ssh-host-key' as const, value: `SHA256:host-${host}` }],
      };
    });
    ids.push(...(await platform.observe(systemActor('bench'), (tx) => discovery.recordSightings(tx, sightings))));
  }
  return ids;
}

/** What `internHost` writes for each of them, many at a time: one by one they would take longer than all that is measured. */
async function internAll(
  platform: RunningPlatform,
  discovery: Discovery,
  ids: readonly string[],
  hashes: readonly string[],
): Promise<void> {
  const { db } = platform;
  const numbers = await numbered(platform);
  for (const some of chunks([...hashes.keys()], 500)) {
    const rows = some.map((list) => ({
      key: listKey('packages', hashes[list]!, { versionId: RELEASE, stream: null, running: KERNEL }),
      hash: hashes[list]!,
      packages: `{${packagesOf(list)
        .map(({ name, version }) => numbers.get(`${name} ${version}`)!)
        .toSorted((a, b) => a - b)
        .join()}}`,
    }));
    await sql`insert into audit.package_list (key, section, hash, packages)
      select key, 'packages', hash, packages::integer[] from unnest(${rows.map((one) => one.key)}::text[],
        ${rows.map((one) => one.hash)}::text[], ${rows.map((one) => one.packages)}::text[]) as n (key, hash, packages)`.execute(
      db,
    );
  }
  await sql`insert into audit.process_use (id, digest, uses) overriding system value
    select use, use::text, array_agg(format(E'libsource-%s\tunit-%s.service', (use * 7 + at) % ${SOURCES}, at % 40))
    from generate_series(1, ${USES}::integer) use cross join generate_series(1, ${USED}::integer) at group by use`.execute(
    db,
  );
  await sql`with own as (insert into audit.host_list (host_id, section, list_id, since)
      select s.host_id, 'packages', l.id, now() from audit.section s join audit.package_list l on l.hash = s.hash
      where s.name = 'packages' returning list_id),
    asked as (insert into audit.recount (lists, advisories) select array[list_id], '{}' from own)
    insert into audit.host_system (host_id, ecosystems, version_id, listens, use_id)
    select host_id, '{Debian}', ${RELEASE}, '{}', 1 + (hashtext(host_id) & ${USES - 1})
    from audit.section where name = 'packages'`.execute(db);
  await sql`analyze`.execute(db);
  const before = await written(platform);
  for (const hostId of ids.slice(0, TRIED))
    await platform.observe(systemActor('bench'), (tx) => internHost(discovery, tx, hostId));
  if ((await written(platform)) !== before) throw new Error('the hosts were filled in otherwise than by their facts');
}

/** All packages that any host could have, numbered. */
async function numbered(platform: RunningPlatform): Promise<Map<string, number>> {
  const all = Array.from({ length: SOURCES * VERSIONS }, (_, index) =>
    packageOf(Math.floor(index / VERSIONS), index % VERSIONS),
  );
  const distinct = interned(
    all.map((one) => ({ ...one, release: RELEASE, foreign: false, library: false })),
    KERNEL,
  );
  const { added } = await platform.observe(systemActor('bench'), (tx) => internPackages(tx.db, distinct));
  return new Map(added.map(({ id, name, version }) => [`${name} ${version}`, id]));
}

async function written({ db }: RunningPlatform): Promise<string> {
  const { rows } = await sql<{ all: string }>`select concat_ws(' ',
    (select count(*) from audit.package), (select count(*) from audit.package_list), (select count(*) from audit.host_list),
    (select md5(string_agg(s::text, ',' order by host_id)) from audit.host_system s)) as all`.execute(db);
  return rows[0]!.all;
}
