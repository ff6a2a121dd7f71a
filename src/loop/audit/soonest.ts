import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { type Alike, type Candidate, firstOf, type Kind, mostLikely } from './logic/soonest.ts';
import { dueOf } from './logic/terms.ts';
import { lifeOf, type Span } from './logic/vulnerability-life.ts';

export type Asked = Alike & { accepted: readonly string[] };

/**
 * By when each is to be gone from the first host that has it; null: from none. Of hosts with the same list and the same
 * days only the one that was known first is looked at. Mostly it has had the advisory as long as anything could have: then
 * no other can be sooner. Where not, or where some hosts accepted the risk, hosts are asked one after the other, until none
 * is left that could be sooner.
 */
export async function soonestOf(db: DbOrTx, alike: readonly Asked[]): Promise<(Date | null)[]> {
  const plain = alike.filter(({ accepted }) => accepted.length === 0);
  const lists = await listsWith(db, [...new Set(plain.flatMap(({ packages }) => packages))]);
  const kinds = await kindsOf(db, [...new Set([...lists.values()].flat())], [...new Set(plain.map(severityOf))]);
  const firsts = firstOf(lists, kinds);
  const likely = new Map(plain.map((one) => [one, mostLikely(one, firsts)]));
  const asked = plain.filter((one) => likely.get(one) !== null);
  const answers = await dueOn(
    db,
    asked.map((one) => ({ ...likely.get(one)!, of: one })),
  );
  const known = new Map(asked.map((one, index) => [one, answers[index]!]));
  const result: (Date | null)[] = [];
  for (const one of alike) {
    const candidate = likely.get(one);
    const due = known.get(one) ?? null;
    // undefined: not every host counts, so that the first of its kind may not.
    const isProven = candidate === null || (candidate !== undefined && due?.getTime() === candidate.bound);
    result.push(isProven ? due : await oneAfterTheOther(db, one));
  }
  return result;
}

const severityOf = ({ severity }: Asked): string => severity;

/** From so many packages on it is cheaper to go through all lists once than to find those of each. */
export const MANY = 200;

/** Of each package the lists that it is in. As text: arrays are read element by element otherwise. */
export async function listsWith(db: DbOrTx, packages: readonly number[], many = MANY): Promise<Map<number, number[]>> {
  const ids = sql`${[...packages]}::integer[]`;
  const having =
    packages.length < many
      ? sql`unnest(${ids}) as p (id) join audit.package_list l on l.packages @> array[p.id]`
      : sql`audit.package_list l cross join unnest(l.packages) as p (id) where p.id = any(${ids})`;
  const { rows } = await sql<{ id: number; lists: string }>`
    select p.id, string_agg(l.id::text, ',') as lists from ${having} group by p.id`.execute(db);
  return new Map(rows.map(({ id, lists }) => [id, lists.split(',').map(Number)]));
}

async function kindsOf(
  db: DbOrTx,
  lists: readonly number[],
  severities: readonly string[],
): Promise<Map<number, Kind[]>> {
  const { rows } = await sql<Kind & { list: number }>`
    with own as materialized (select h.host_id, h.list_id,
        (select min(f.since) from audit.host_list f where f.host_id = h.host_id) as first
      from audit.host_list h where h.until is null and h.list_id = any(${[...lists]}::integer[]))
    select distinct on (o.list_id, t.severity, t.days) o.list_id as list, o.host_id as "hostId", t.severity, t.days, o.first
    from own o join audit.host_term t on t.host_id = o.host_id and t.severity = ${anyOf(severities)}
    order by o.list_id, t.severity, t.days, o.first`.execute(db);
  return Map.groupBy(rows, ({ list }) => list);
}

export type Question = Pick<Candidate, 'hostId' | 'days'> & { of: Asked };

/** By when it is to be gone there, by the one definition of when its clock began. The lists of each host come first: the index of all lists has no part in it. */
export async function dueOn(db: DbOrTx, questions: readonly Question[]): Promise<(Date | null)[]> {
  if (questions.length === 0) return [];
  const { rows } = await sql<Span & { place: number }>`
    select n.place::integer as place, m.verdict, greatest(h.since, m.since) as since, least(h.until, m.until) as until
    from unnest(${questions.map(({ hostId }) => hostId)}::text[], ${questions.map((one) => one.of.advisories[0]!)}::text[])
      with ordinality n (host_id, advisory, place)
    cross join lateral (select h.since, h.until, l.packages from audit.host_list h
      join audit.package_list l on l.id = h.list_id where h.host_id = n.host_id offset 0) h
    join audit.match m on m.advisory = n.advisory and m.package_id = any(h.packages) and m.verdict <> 'bundled'
      and h.since < coalesce(m.until, 'infinity') and m.since < coalesce(h.until, 'infinity')`.execute(db);
  const spans = Map.groupBy(rows, ({ place }) => place);
  return questions.map(({ days, of: { severity } }, index) => {
    const life = lifeOf(spans.get(index + 1) ?? []);
    const burns = life?.state === 'open' || life?.state === 'rekindled';
    return burns ? dueOf(life, severity as never, { [severity]: days }) : null;
  });
}

/** Few at first: mostly one of them shows that the others need not be asked. */
const [FIRST, MOST] = [10, 5000];

async function oneAfterTheOther(db: DbOrTx, one: Asked): Promise<Date | null> {
  // As rows: a list of half the estate must not be looked through for each host.
  const { rows } = await sql<{ hostId: string; days: number; begun: Date }>`
    with spared as materialized (select unnest(a.hosts) as host_id from audit.accepted a
      where a.exception_id = ${anyOf(one.accepted)})
    select h.host_id as "hostId", t.days, greatest(${one.begun}::timestamptz,
      (select min(f.since) from audit.host_list f where f.host_id = h.host_id)) + make_interval(hours => 24 * t.days) as begun
    from audit.holders(${[...one.packages]}::integer[]) h (host_id)
    join audit.host_term t on t.host_id = h.host_id and t.severity = ${one.severity}
    where not exists (select from spared s where s.host_id = h.host_id)
    order by 3, 1`.execute(db);
  let soonest: Date | null = null;
  for (let at = 0, size = FIRST; at < rows.length; at += size, size = Math.min(size * 10, MOST)) {
    if (soonest !== null && rows[at]!.begun >= soonest) break;
    const answers = await dueOn(
      db,
      rows.slice(at, at + size).map((row) => ({ ...row, of: one })),
    );
    for (const due of answers) if (due !== null && (soonest === null || due < soonest)) soonest = due;
  }
  return soonest;
}
