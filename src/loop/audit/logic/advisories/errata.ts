interface Judged {
  id: string;
  verdict: 'affected' | 'bundled' | 'fixed' | 'not-affected' | 'unknown';
  fix: string | null;
  why: string;
  statement: { aliases: readonly string[]; reason: string | null };
  /** advisories that it is told of by, beside itself: what they affected before it was */
  toldBy?: readonly string[];
}

/** What distributions call their advisories: Debian, Ubuntu, Red Hat and those built of it, SUSE, and others. */
const ERRATUM =
  /^(?:DSA|DLA|DTSA|ELA|USN|LSN|(?:RH|AL|RL|RX|EL|CE)[SBE]A|ALAS\d*|(?:open)?SUSE-[SRFO]U|MGASA|openEuler-SA|CLSA|ALPINE-SA)-/i;

const byNumber = new Intl.Collator('en', { numeric: true });
export const isErratum = (id: string): boolean => ERRATUM.test(id);
export const isCve = (id: string): boolean => id.startsWith('CVE-');

/**
 * A distribution's advisory announces fixes of holes that have numbers of their own. Where each number that it names is
 * judged by itself for this very package, and one of them burns, it is no further hole: it is told of under those. Where
 * one of them is judged by nothing else, or so that nobody can tell, or none burns although the advisory does, it stands for
 * itself. A fix that only the advisory knows goes to those that it names.
 */
export function bundled<T extends Judged>(matches: readonly T[]): T[] {
  const errata = matches.filter(({ id, verdict }) => verdict === 'affected' && isErratum(id));
  if (errata.length === 0) return [...matches];
  const told = new Map(matches.map((one) => [one.id, one]));
  // Of several that name the same, the later one's fix.
  for (const erratum of errata.toSorted((a, b) => byNumber.compare(b.id, a.id))) {
    const named = erratum.statement.aliases.filter(isCve).map((id) => told.get(id));
    if (!named.every((one) => one !== undefined && one.verdict !== 'unknown')) continue;
    const burning = named.filter((one) => one?.verdict === 'affected') as T[];
    if (burning.length === 0) continue;
    told.set(erratum.id, { ...erratum, verdict: 'bundled' });
    for (const one of burning) told.set(one.id, toldBy(erratum, one));
  }
  return [...told.values()];
}

/** With the reason: who may have the fix is told there. */
function toldBy<T extends Judged>({ id, fix, statement: { reason } }: Judged, one: T): T {
  const told = { ...one, toldBy: [...(one.toldBy ?? []), id] };
  if (one.fix !== null || fix === null) return told;
  return { ...told, fix, why: `${one.why}; ${id} says ${fix}${reason === null ? '' : ` (${reason})`}` };
}
