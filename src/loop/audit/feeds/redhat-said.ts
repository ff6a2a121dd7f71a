import type { StatementStatus } from '../../../model/statement.ts';
import { LOOKED_INTO } from '../logic/advisories/extended.ts';

/** One package of one release of Red Hat Enterprise Linux. */
export interface Component {
  /** `9`, or with extended support `9.2-eus` */
  release: string;
  name: string;
  of: 'source' | 'binary';
  arch: string | null;
  /** null: whichever version there is */
  version: string | null;
  /** of a module: `nodejs:18` */
  stream: string | null;
}

/** The parts of a vulnerability in a CSAF document that say what is so of which product. */
export interface Vulnerability {
  product_status?:
    | { [N in 'fixed' | 'known_affected' | 'known_not_affected' | 'under_investigation']?: string[] | undefined }
    | null
    | undefined;
  flags: { label: string; product_ids: string[] }[];
  remediations: { category: string; details: string; product_ids: string[] }[];
  threats: { category: string; details: string; product_ids: string[] }[];
}

export interface Said {
  component: Component;
  status: StatementStatus;
  reason: string | null;
  impact: string | null;
}

/** What a vulnerability's statuses say of each component, in our words. */
export function said(one: Vulnerability, components: ReadonlyMap<string, readonly Component[]>): Said[] {
  const notes = notesOf(one);
  const of = (ids: readonly string[] | undefined, status: (id: string) => Pick<Said, 'status' | 'reason'>): Said[] =>
    (ids ?? []).flatMap((id) =>
      (components.get(id) ?? []).map((component) => ({
        component,
        impact: notes.impact.get(id) ?? null,
        ...status(id),
      })),
    );
  const statuses = one.product_status ?? {};
  const fixed = of(statuses.fixed, () => ({ status: 'fixed', reason: null })).filter(
    ({ component: c }) => c.version !== null,
  );
  return [
    // A source stands for all that is built of it; one without its source is told by its packages.
    ...fixed.filter(({ component: c }) => c.of === 'source' || !hasSource(fixed, c)),
    ...of(statuses.known_affected, (id) => notes.open.get(id) ?? { status: 'affected', reason: null }),
    ...of(statuses.known_not_affected, (id) => ({ status: 'not-affected', reason: notes.flags.get(id) ?? null })),
    ...of(statuses.under_investigation, () => ({ status: 'unassessed', reason: LOOKED_INTO })),
  ];
}

const hasSource = (fixed: readonly Said[], { release, stream }: Component): boolean =>
  fixed.some(({ component: c }) => c.of === 'source' && c.release === release && c.stream === stream);

interface Notes {
  flags: ReadonlyMap<string, string>;
  open: ReadonlyMap<string, Pick<Said, 'status' | 'reason'>>;
  impact: ReadonlyMap<string, string>;
}

function notesOf({ flags, remediations, threats }: Vulnerability): Notes {
  const spread = <T>(all: readonly { product_ids: string[]; value: T }[]): Map<string, T> =>
    new Map(all.flatMap(({ product_ids: ids, value }) => ids.map((id): [string, T] => [id, value])));
  return {
    flags: spread(flags.map((one) => ({ ...one, value: one.label.replaceAll('_', ' ') }))),
    open: spread(
      remediations
        .filter(({ category }) => category === 'none_available' || category === 'no_fix_planned')
        .map((one) => ({ ...one, value: openAs(one.category, one.details.slice(0, 200)) })),
    ),
    impact: spread(
      threats
        .filter(({ category }) => category === 'impact')
        .map((one) => ({ ...one, value: one.details.slice(0, 100) })),
    ),
  };
}

function openAs(category: string, details: string): Pick<Said, 'status' | 'reason'> {
  if (category === 'no_fix_planned')
    return { status: /out of support/i.test(details) ? 'end-of-life' : 'wont-fix', reason: details || null };
  return { status: /deferred/i.test(details) ? 'deferred' : 'affected', reason: details || null };
}
