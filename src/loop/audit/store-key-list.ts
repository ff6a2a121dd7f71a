import { sql } from 'kysely';
import type { LoggedCertificate, PublicKey, PublicKeys } from '../../model/key.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { plainSerial } from '../../model/serial.ts';
import { anyOf } from '../../platform/db/many.ts';

export interface KeyQuery {
  /** the whole name of a key, or how it begins */
  key?: string | undefined;
  /** only what more than one host holds */
  shared?: boolean | undefined;
  /** only what is in one of these hosts */
  hostId?: string | undefined;
  /** only what burnt */
  burnt?: boolean | undefined;
  limit: number;
}

/** Of each key so many places are told, and of a burnt one so many listeners and findings. */
const MOST_PLACES = 100;

/** Certificates with these serials that transparency logs told of. */
type Logged = (serials: readonly string[]) => Promise<LoggedCertificate[]>;

/** Burnt keys first, then those that most hosts hold. */
export async function listKeys(db: DbOrTx, query: KeyQuery, logged: Logged): Promise<PublicKeys> {
  const counted = await counts(db, query);
  const keys = counted.slice(0, query.limit);
  const names = keys.map(({ key }) => key);
  const [places, burnt, findings] = await Promise.all([placesOf(db, names), burntOf(db, names), findingsOf(db, names)]);
  const serials = [...places.values()].flat().flatMap(({ serial }) => serial ?? []);
  const inLogs = Map.groupBy(await logged(serials), ({ serial }) => serial);
  const items = keys.map((one): PublicKey => ({
    ...one,
    kind: one.key.startsWith('SHA256:') ? 'ssh' : 'tls',
    hosts: Number(one.hosts),
    admits: Number(one.admits),
    total: Number(one.total),
    places: places.get(one.key) ?? [],
    burnt: burnt.get(one.key) ?? [],
    logged: serialsOf(places.get(one.key) ?? []).flatMap((serial) => inLogs.get(serial) ?? []),
    findings: findings.get(one.key) ?? [],
  }));
  return { items, more: counted.length > query.limit };
}

const serialsOf = (places: PublicKey['places']): string[] => [
  ...new Set(places.flatMap(({ serial }) => (serial === null ? [] : [plainSerial(serial)]))),
];

const ISO = (column: string) => sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

interface Counted {
  key: string;
  hosts: string;
  admits: string;
  total: string;
  since: string | null;
}

async function counts(db: DbOrTx, { key, shared, hostId, burnt, limit }: KeyQuery): Promise<Counted[]> {
  const filters = [
    ...(key === undefined ? [] : [sql`starts_with(k.spki, ${key})`]),
    ...(hostId === undefined ? [] : [sql`k.spki in (select o.spki from audit.key o where o.host_id = ${hostId})`]),
    ...(burnt ? [sql`exists (select from audit.exposure e where e.spki = k.spki)`] : []),
  ];
  const where = filters.length > 0 ? sql`where ${sql.join(filters, sql` and `)}` : sql``;
  const { rows } = await sql<Counted>`
    with one as (
      select k.spki, k.host_id, bool_or(k.holds) as holds, count(*) as places, min(k.since) as since,
        bool_or(k.since is null) as earlier
      from audit.key k ${where} group by k.spki, k.host_id),
    every as (
      select spki, count(*) filter (where holds) as hosts, count(*) filter (where not holds) as others,
        sum(places) as total, case when bool_or(earlier) then null else min(since) end as since
      from one group by spki ${shared ? sql`having count(*) filter (where holds) > 1` : sql``})
    select v.spki as key, v.hosts, v.total, ${ISO('v.since')} as since,
      case when v.spki like 'SHA256:%' then v.others else 0 end as admits
    from every v
    order by exists (select from audit.exposure e where e.spki = v.spki) desc, v.hosts desc, v.total desc, v.spki
    limit ${limit + 1}`.execute(db);
  return rows;
}

type Of<T extends keyof PublicKey> = PublicKey[T] extends (infer E)[] ? E & { key: string } : never;

/** Rows by their key, without it. */
function byKey<T extends { key: string }>(rows: readonly T[]): Map<string, Omit<T, 'key'>[]> {
  const found = new Map<string, Omit<T, 'key'>[]>();
  for (const { key, ...rest } of rows) found.set(key, [...(found.get(key) ?? []), rest]);
  return found;
}

async function placesOf(db: DbOrTx, keys: readonly string[]): Promise<Map<string, PublicKey['places']>> {
  const { rows } = await sql<Of<'places'>>`
    select w.key, p.kind, p.host_id as "hostId", p.host_name as "hostName", p.place,
      p.certificate->>'serial' as serial, p.holds, ${ISO('p.since')} as since
    from unnest(${[...keys]}::text[]) as w (key)
      cross join lateral (
        select * from audit.key k where k.spki = w.key
        order by k.holds desc, k.host_id, k.kind, k.place limit ${MOST_PLACES}) p`.execute(db);
  return byKey(rows) as Map<string, PublicKey['places']>;
}

async function burntOf(db: DbOrTx, keys: readonly string[]): Promise<Map<string, PublicKey['burnt']>> {
  const { rows } = await sql<Of<'burnt'>>`
    select e.spki as key, e.kit, e.endpoint, min(e.cause) as cause, ${ISO('e.at')} as at
    from (select spki, kit, endpoint, cause, min(opened_at) over (partition by spki, kit, endpoint) as at
      from audit.exposure where spki = ${anyOf(keys)}) e
    group by e.spki, e.kit, e.endpoint, e.at order by e.at, e.endpoint limit 1000`.execute(db);
  return byKey(rows) as Map<string, PublicKey['burnt']>;
}

/** A finding is about a listener, and an exposure says which key the listener had. */
async function findingsOf(db: DbOrTx, keys: readonly string[]): Promise<Map<string, PublicKey['findings']>> {
  const { rows } = await sql<Of<'findings'>>`
    select distinct e.spki as key, f.id, f.state, f.change_id as "changeId"
    from audit.exposure e join audit.finding f on f.endpoint = e.endpoint and f.kit = e.kit
    where e.spki = ${anyOf(keys)} order by f.id limit 1000`.execute(db);
  return byKey(rows) as Map<string, PublicKey['findings']>;
}
