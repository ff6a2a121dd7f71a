import { hash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import type { Db, DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';

/** 132 bits: strangers choose what they say, and must not be taken for having said something else. */
const WORD_LENGTH = 22;

/** What was said of which host. */
export interface Told {
  hostId: string;
  sighting: Sighting;
}

/** What stands of what that source told of that host there, beside a word of the batch. */
interface Standing {
  place: number;
  /** what says the same */
  same: string[] | null;
  /** what does not, and is no newer */
  others: string[] | null;
  /** when the first was told that is newer */
  newer: Date | null;
  /** it says the same, and has no digest of it yet, or another */
  unworded: boolean;
}

/**
 * What a source says of a host at an address stands until it says something else. It may say several things at once:
 * those of one batch stand side by side, and what the next one does not repeat has ended. A word that comes late, after
 * a newer one, ends nothing and has ended itself.
 */
export async function noteTold(db: DbOrTx, seen: readonly Told[]): Promise<void> {
  const { words, several } = distinct(seen);
  // An aggregate a row: each is looked up by its key, whatever PostgreSQL takes the table for.
  const { rows } = await sql<Standing>`
    select t.place, s.same, s.others, s.newer, s.unworded from ${told(words)}
    cross join lateral (
      select array_agg(o.id::text) filter (where o.same) as same,
        array_agg(o.id::text) filter (where not o.same and o.at <= t.at) as others,
        min(o.at) filter (where not o.same and o.at > t.at) as newer,
        coalesce(bool_or(o.same and o.word is distinct from t.word), false) as unworded
      from (select id, at, word, hostname is not distinct from t.hostname and identifiers = t.identifiers
          -- Which scanner of a site looked is no news.
          and evidence - 'scanner' is not distinct from t.evidence - 'scanner' as same
        from discovery.sighting
        where host_id = t.host_id and source = t.source and address = t.address and until is null
          and via is not distinct from t.via) o) s
    where s.same is null or s.others is not null or s.unworded or t.place = any(${several}::int[])`.execute(db);
  await endSightings(db, endedBy(rows, words));
  await giveWords(
    db,
    rows
      .filter(({ unworded }) => unworded)
      .flatMap(({ same, place }) => same!.map((id) => ({ id, said: words[place - 1]! }))),
  );
  const news = rows.filter(({ same }) => same === null);
  if (news.length === 0) return;
  await sql`
    insert into discovery.sighting (host_id, source, address, at, via, hostname, identifiers, evidence, word, until)
    select host_id, source, address, at, via, hostname, identifiers, evidence, word,
      (${news.map(({ newer }) => newer?.toISOString() ?? null)}::timestamptz[])[place]
    from ${told(news.map(({ place }) => words[place - 1]!))} order by place`.execute(db);
}

/** Each word once; `several`: places, from 1, of those that stand beside another of the same source there. */
function distinct(seen: readonly Told[]): { words: Told[]; several: number[] } {
  const words: Told[] = [];
  const several: number[] = [];
  const keyOf = ({ hostId, sighting: { source, address, via } }: Told): string =>
    [hostId, source, address, via ?? ''].join(' ');
  for (const some of Map.groupBy(seen, keyOf).values()) {
    const own =
      some.length === 1 ? some : [...new Map(some.toReversed().map((one) => [wordOf(one.sighting), one])).values()];
    words.push(...own);
    if (own.length > 1) several.push(...own.map((_, index) => words.length - index));
  }
  return { words, several };
}

/** A digest of what a sighting says: the same digest, the same word; another one says nothing. */
export function wordOf({ hostname, identifiers, evidence }: Omit<Sighting, 'at'>): string {
  const said = JSON.stringify([hostname ?? null, identifiers, evidence ? { ...evidence, scanner: null } : null]);
  return hash('sha256', said, 'base64url').slice(0, WORD_LENGTH);
}

/** What the batch does not repeat, with when. */
function endedBy(rows: readonly Standing[], words: readonly Told[]): Map<string, string> {
  const repeated = new Set(rows.flatMap(({ same }) => same ?? []));
  const ended = new Map<string, string>();
  for (const { place, others, newer } of rows) {
    if (newer !== null) continue;
    const { at } = words[place - 1]!.sighting;
    for (const id of others ?? []) if (!repeated.has(id) && !(ended.get(id)! <= at)) ended.set(id, at);
  }
  return ended;
}

async function giveWords(db: DbOrTx, given: readonly { id: string; said: Told }[]): Promise<void> {
  if (given.length === 0) return;
  await sql`
    update discovery.sighting s set word = t.word
    from unnest(${given.map(({ id }) => id)}::bigint[], ${given.map(({ said }) => wordOf(said.sighting))}::text[])
      t (id, word)
    where s.id = t.id`.execute(db);
}

async function endSightings(db: DbOrTx, ended: ReadonlyMap<string, string>): Promise<void> {
  if (ended.size === 0) return;
  await sql`
    update discovery.sighting s set until = greatest(s.at, t.at)
    from unnest(${[...ended.keys()]}::bigint[], ${[...ended.values()]}::timestamptz[]) t (id, at)
    where s.id = t.id`.execute(db);
}

function told(seen: readonly Told[]) {
  const of = <T>(read: (one: Told) => T): T[] => seen.map(read);
  const said = seen.map(({ sighting: { identifiers, evidence } }) => [identifiers, evidence ?? null]);
  return sql`(
    select t.*, said -> 0 as identifiers, nullif(said -> 1, 'null') as evidence from unnest(
      ${plainList(of(({ hostId }) => hostId))}::text[], ${plainList(of(({ sighting }) => sighting.source))}::text[],
      ${plainList(of(({ sighting }) => sighting.address))}::text[],
      ${plainList(of(({ sighting }) => sighting.at))}::timestamptz[],
      ${of(({ sighting }) => sighting.via ?? null)}::text[], ${of(({ sighting }) => sighting.hostname ?? null)}::text[],
      ${plainList(of(({ sighting }) => wordOf(sighting)))}::text[],
      array(select jsonb_array_elements(${jsonText(said)}::jsonb))) with ordinality
      t (host_id, source, address, at, via, hostname, word, said, place)) t`;
}

/** An array of what needs no quotes: ids of ours, normal addresses, times, names of sources. */
export const plainList = (values: readonly string[]): string => `{${values.join(',')}}`;

/**
 * Of sightings `s`: told since then, or before and again since. An unchanged one has no row of its own: it stands, its
 * source saw the host again, and where listeners are known at the address one of them was seen again.
 */
export const toldSince = (since: Date): RawBuilder<boolean> => sql<boolean>`(s.at >= ${since} or (s.until is null
  and exists (select from discovery.host_source h
    where h.host_id = s.host_id and h.source = s.source and h.last_seen >= ${since})
  and coalesce((select max(e.last_seen) >= ${since} or (s.source = 'agent-scan' and bool_or(e.via is null))
    from discovery.endpoint e where e.host_id = s.host_id and e.address = s.address), true)))`;

/** Hosts at a time, so that no statement holds its locks for long. */
const SOME = 100;

/**
 * Sightings from before there was an `until` have none of use (`-infinity`): each was told until the next one of its
 * source there, or stands. Returns how many it filled in.
 */
export async function fillUntil(db: Db): Promise<number> {
  for (let total = 0; ;) {
    const done = await sql`
      update discovery.sighting s set until = case when n.next is not null then greatest(s.at, n.next) end
      from (select id, lead(at) over (partition by host_id, source, address, via order by id) as next
        from discovery.sighting where host_id = any(array(
          select distinct host_id from discovery.sighting where until = '-infinity' and host_id is not null limit ${SOME}))) n
      where n.id = s.id and s.until = '-infinity'`.execute(db);
    const count = Number(done.numAffectedRows ?? 0n);
    total += count;
    if (count === 0) return total;
  }
}
