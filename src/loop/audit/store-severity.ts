import { sql } from 'kysely';
import type { VulnerabilitySeverity } from '../../model/vulnerability.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { called } from './logic/advisories/match.ts';
import { type ErratumWord, howBad } from './logic/erratum-severity.ts';
import { mainReleaseOf } from './logic/advisories/streams.ts';
import { severityOf } from './logic/priority.ts';

/** What is to be told of an advisory, by the packages that it affects. */
export interface Detailed {
  advisory: string;
  sources: string[];
  /** of the packages; empty: of none that is told */
  releases: string[];
}

interface Details {
  aliases: string[];
  severity: VulnerabilitySeverity;
  severity_by: string | null;
}

interface Told {
  id: string;
  called: string;
  release: string | null;
  aliases: string[];
  urgency: string | null;
}

/** A twin may have another name for the same package: Django and django. */
const calledAny = (names: readonly string[]): Set<string> =>
  new Set(names.flatMap((name) => [name, called('PyPI', name)]));

/** What feeds call each and how bad it is: by their own word, or by that of the advisories that are told of under it. */
export async function detailsOf(db: DbOrTx, counted: readonly Detailed[]): Promise<Map<string, Details>> {
  const about = new Map(
    counted.map((one) => [
      one.advisory,
      { names: calledAny(one.sources), releases: new Set(one.releases.map(mainReleaseOf)) },
    ]),
  );
  const { rows } = await sql<Told>`
    select s.advisory as id, s.called, s.body ->> 'release' as release, s.body -> 'aliases' as aliases, s.body ->> 'urgency' as urgency
    from audit.statement s where s.advisory = ${anyOf([...about.keys()])}`.execute(db);
  // It may be worse in a release that nobody has. Streams of one release are told of by each other’s words.
  const concerns = ({ id, called: name, release }: Pick<Told, 'id' | 'called' | 'release'>): boolean => {
    const { names, releases } = about.get(id)!;
    return names.has(name) && (release === null || releases.has(mainReleaseOf(release)));
  };
  const words = Map.groupBy((await wordsOn(db, [...about.keys()])).filter(concerns), ({ id }) => id);
  return new Map(
    [...Map.groupBy(rows.filter(concerns), (row) => row.id)].map(([id, said]) => {
      const { severity, by } = howBad(severityOf(said.map(({ urgency }) => urgency)), words.get(id) ?? []);
      const aliases = [...new Set(said.flatMap((one) => one.aliases))].toSorted();
      return [id, { aliases, severity, severity_by: by }];
    }),
  );
}

type Word = ErratumWord & Pick<Told, 'id' | 'called' | 'release'>;

/** What advisories that are told of under these say of the packages in which they are. Few are: those are looked at first. */
async function wordsOn(db: DbOrTx, advisories: readonly string[]): Promise<Word[]> {
  const { rows } = await sql<Word>`
    with said as materialized (
      select s.advisory, s.ecosystem, s.called, s.body ->> 'release' as release, s.body ->> 'urgency' as urgency,
        array(select jsonb_array_elements_text(s.body -> 'aliases')) as names
      from (${BUNDLED}) b join audit.statement s on s.advisory = b.advisory where s.body ->> 'urgency' is not null),
    word as (
      select c.id, s.* from said s cross join lateral unnest(s.names) c (id) where c.id = ${anyOf(advisories)})
    select w.id, w.advisory as erratum, w.called, w.release, w.urgency,
      array(select o.body ->> 'urgency' from audit.statement o where o.advisory = any(w.names) and o.called = w.called
        and o.ecosystem = w.ecosystem and coalesce(o.body ->> 'release' = w.release, true)) as named
    from word w where exists (select from audit.match m join audit.match f on f.package_id = m.package_id
      where m.advisory = w.id and m.verdict = 'affected' and m.until is null
        and f.advisory = w.advisory and f.verdict = 'bundled' and f.until is null)`.execute(db);
  return rows;
}

const BUNDLED = sql.raw("select distinct advisory from audit.match where verdict = 'bundled' and until is null");

/**
 * With those whose severity may follow from these: what an advisory among them names, or named, and what an advisory names
 * beside one of them.
 */
export async function withWordsOf(db: DbOrTx, advisories: readonly string[]): Promise<string[]> {
  if (advisories.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    with said as materialized (
      select s.advisory, array(select jsonb_array_elements_text(s.body -> 'aliases')) as names
      from (${BUNDLED}) b join audit.statement s on s.advisory = b.advisory),
    due as materialized (select unnest(${[...advisories]}::text[]) as id)
    select id from due
    union select n from said s cross join lateral unnest(s.names) n
      where s.advisory in (select id from due) or exists (select from unnest(s.names) o where o in (select id from due))
    union select v.advisory from audit.vulnerability v where v.severity_by in (select id from due)`.execute(db);
  return rows.map(({ id }) => id);
}
