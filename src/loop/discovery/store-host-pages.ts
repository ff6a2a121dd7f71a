import { type RawBuilder, sql, type SqlBool } from 'kysely';
import type { Host, HostCounts, Management } from '../../model/estate.ts';
import { LEAST_OF_ID } from '../../model/short-id.ts';
import { backwards, literal } from '../../platform/db/like.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { sharedRecords } from './store-shared.ts';

export interface HostPageAsked {
  claim?: Host['claim'] | undefined;
  management?: Management | undefined;
  /** without addresses that several machines have */
  machines?: 'true' | undefined;
  /** false: no agent reports from there */
  managed?: boolean | undefined;
  tag?: { key: string; value: string } | undefined;
  /** a part of its name, of an address or of what it is taken for */
  text?: string | undefined;
  /** its id, name or address, or the end of its id */
  ref?: string | undefined;
  name?: string | undefined;
  after?: string | undefined;
  /** at most so many; all, where nothing is said */
  limit?: number | undefined;
}

type Condition = RawBuilder<SqlBool>;

/** Nothing but what `findHosts` asks for by itself. */
export const isWhole = ({ machines, managed, text, ref, after, limit }: HostPageAsked): boolean =>
  [machines, managed, text, ref, after, limit].every((one) => one === undefined);

/** Ids of present hosts that fit, in their order. */
export async function hostIds(db: DbOrTx, asked: HostPageAsked): Promise<string[]> {
  const shared = asked.machines === 'true' ? await sharedRecords(db) : [];
  const conditions = [sql<SqlBool>`h.superseded_by is null`, ...plain(asked), ...named(asked)];
  if (shared.length > 0) conditions.push(sql<SqlBool>`h.id <> all(${shared}::text[])`);
  const { rows } = await sql<{ id: string }>`select h.id from discovery.host h where ${sql.join(conditions, sql` and `)}
    order by h.id limit ${asked.limit ?? null}`.execute(db);
  return rows.map(({ id }) => id);
}

function plain({ claim, management, managed, tag, name, after }: HostPageAsked): Condition[] {
  return [
    ...(after === undefined ? [] : [sql<SqlBool>`h.id > ${after}`]),
    ...(name === undefined ? [] : [sql<SqlBool>`h.name = ${name}`]),
    ...(claim === undefined ? [] : [sql<SqlBool>`h.claim = ${claim}`]),
    ...(management === undefined ? [] : [sql<SqlBool>`h.management = ${management}`]),
    ...(managed === undefined ? [] : [sql<SqlBool>`(h.management = 'managed') = ${managed}`]),
    ...(tag === undefined ? [] : [sql<SqlBool>`h.tags ->> ${tag.key} = ${tag.value}`]),
  ];
}

function named({ text, ref }: HostPageAsked): Condition[] {
  const conditions: Condition[] = [];
  if (text !== undefined) {
    const part = `%${literal(text.toLowerCase())}%`;
    conditions.push(sql`(lower(h.name) like ${part} or lower(h.guess) like ${part} or h.id in (
      select a.host_id from discovery.address a where a.current and a.address like ${part}))`);
  }
  // A union: each of them is looked up by an index of its own.
  if (ref !== undefined) {
    const end = ref.length < LEAST_OF_ID ? sql`id = ${ref}` : sql`reverse(id) like ${backwards(ref)}`;
    conditions.push(sql`h.id in (select id from discovery.host where ${end}
      union select id from discovery.host where name = ${ref}
      union select host_id from discovery.address where address = ${ref} and current)`);
  }
  return conditions;
}

/** Machines by who claimed them and what runs there; an address that several have is none. */
export async function hostCounts(db: DbOrTx): Promise<HostCounts> {
  const { rows } = await sql<{ claim: Host['claim']; management: Management; hosts: string }>`
    select claim, management, count(*) as hosts from discovery.host
    where superseded_by is null and not (id = ${anyOf(await sharedRecords(db))}) group by 1, 2`.execute(db);
  const sum = (fits: (row: (typeof rows)[number]) => boolean): number =>
    rows.reduce((total, row) => total + (fits(row) ? Number(row.hosts) : 0), 0);
  return {
    total: sum(() => true),
    unknown: sum(({ claim }) => claim === 'unknown'),
    managed: sum(({ management }) => management === 'managed'),
    lost: sum(({ management }) => management === 'lost'),
  };
}
