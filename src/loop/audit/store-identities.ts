import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { IdentityKind, Own } from './logic/identities.ts';

export interface HolderRow {
  kind: IdentityKind;
  value: string;
  hostId: string;
  apart: boolean;
}

/** What tells two records of one machine from two machines. */
export interface Boot {
  hostId: string;
  bootId: string | null;
  hostname: string;
}

const pairs = (own: readonly Pick<Own, 'kind' | 'value'>[]) =>
  sql`unnest(${own.map(({ kind }) => kind)}::text[], ${own.map(({ value }) => value)}::text[]) as w (kind, value)`;

interface Others {
  /** at most so many of each: an image has thousands */
  most: number;
  /** records of the same machine, which are no others */
  but?: readonly string[];
}

/** Other hosts that have one of these by their own facts. */
export async function holdersOf(
  db: DbOrTx,
  own: readonly Pick<Own, 'kind' | 'value'>[],
  { hostId, bootId, hostname }: Boot,
  { most, but = [] }: Others,
): Promise<HolderRow[]> {
  if (own.length === 0) return [];
  const { rows } = await sql<HolderRow>`
    select w.kind, w.value, o.host_id as "hostId", o.apart
    from ${pairs(own)} cross join lateral (
      select i.host_id, (i.boot_id is distinct from ${bootId} or i.hostname <> ${hostname}) as apart
      from audit.identity i where i.kind = w.kind and i.value = w.value
        and i.host_id <> all(${[hostId, ...but]}::text[])
      order by i.host_id limit ${most}) o`.execute(db);
  return rows;
}

/** Hosts that prove one of these SSH host keys, and tell nothing of themselves. */
export async function shownElsewhere(
  db: DbOrTx,
  values: readonly string[],
  hostId: string,
  { most, but = [] }: Others,
): Promise<HolderRow[]> {
  if (values.length === 0) return [];
  const { rows } = await sql<{ value: string; hostId: string }>`
    select w.value, o.host_id as "hostId" from unnest(${[...values]}::text[]) as w (value)
    cross join lateral (
      select k.host_id from audit.key k where k.spki = w.value and k.kind = 'ssh-served'
        and k.host_id <> all(${[hostId, ...but]}::text[])
        and not exists (select from audit.identity i where i.host_id = k.host_id)
      order by k.spki, k.host_id limit ${most}) o`.execute(db);
  return rows.map((row) => ({ kind: 'ssh-host-key', apart: false, ...row }));
}

type Kept = Pick<Own, 'kind' | 'value'>;
export interface Difference {
  gained: Kept[];
  lost: Kept[];
}

const textOf = ({ kind, value }: Kept): string => `${kind} ${value}`;

async function keptOf(db: DbOrTx, hostIds: readonly string[]): Promise<Kept[]> {
  const { rows } = await sql<Kept>`
    select distinct kind, value from audit.identity where host_id = ${anyOf(hostIds)}`.execute(db);
  return rows;
}

/** Whoever comes to have one of these, or has it no more, does so one after the other: both would miss each other. */
async function lockValues(db: DbOrTx, values: readonly Kept[]): Promise<void> {
  for (const text of values.map(textOf).toSorted())
    await sql`select pg_advisory_xact_lock(hashtextextended(${`audit identity ${text}`}, 0))`.execute(db);
}

/** These are what the host has now. */
export async function setIdentities(db: DbOrTx, own: readonly Own[], boot: Boot): Promise<Difference> {
  const { hostId, bootId, hostname } = boot;
  const before = await keptOf(db, [hostId]);
  const [was, is] = [new Set(before.map(textOf)), new Set(own.map(textOf))];
  const gained = own.filter((one) => !was.has(textOf(one)));
  const lost = before.filter((one) => !is.has(textOf(one)));
  await lockValues(db, [...gained, ...lost]);
  if (lost.length > 0)
    await sql`delete from audit.identity i using ${pairs(lost)}
      where i.host_id = ${hostId} and i.kind = w.kind and i.value = w.value`.execute(db);
  if (own.length > 0)
    await sql`insert into audit.identity as i (host_id, kind, value, boot_id, hostname)
      select distinct ${hostId}, w.kind, w.value, ${bootId}::text, ${hostname} from ${pairs(own)}
      on conflict (host_id, kind, value) do update set boot_id = excluded.boot_id, hostname = excluded.hostname
      where (i.boot_id, i.hostname) is distinct from (excluded.boot_id, excluded.hostname)`.execute(db);
  return { gained, lost };
}

/** Hosts whose place another took are nobody any more. */
export async function forgetIdentities(db: DbOrTx, hostIds: readonly string[]): Promise<Kept[]> {
  if (hostIds.length === 0) return [];
  const lost = await keptOf(db, hostIds);
  await lockValues(db, lost);
  await sql`delete from audit.identity where host_id = ${anyOf(hostIds)}`.execute(db);
  return lost;
}
