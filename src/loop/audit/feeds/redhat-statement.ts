import type { Statement, StatementRange } from '../../../model/statement.ts';
import { ledStreams, rangeInStream } from '../logic/advisories/modules.ts';
import { versionOrder } from '../versions/registry.ts';
import type { Said } from './redhat-said.ts';

const order = versionOrder('Red Hat')!;
const newest = (versions: readonly string[]): string => versions.reduce((a, b) => (order(b, a) === 1 ? b : a));

type Outcome = Pick<Statement, 'status' | 'ranges' | 'fixed' | 'reason'>;

/** What is said of one package of one release, in all its streams. */
export function statementOf(
  id: string,
  errata: string[],
  { all, led }: { all: readonly Said[]; led: ReadonlySet<string> },
): Statement {
  const { release, of, name } = all[0]!.component;
  const fixes = all.filter(({ status }) => status === 'fixed');
  return {
    ecosystem: 'Red Hat',
    release,
    name,
    of,
    id,
    aliases: errata,
    versions: [],
    urgency: all[0]!.impact,
    ...(fixes.length === 0 ? unfixed(all) : fixed(all, fixes, led)),
  };
}

const isOpen = ({ status }: Said): boolean => status !== 'fixed' && status !== 'not-affected';
const streamsOf = (all: readonly Said[]): Set<string | null> => new Set(all.map(({ component }) => component.stream));
const named = (all: readonly Said[]): string => [...streamsOf(all)].map((one) => one ?? 'the plain package').join(', ');

/** Which stream of a module a host has, its packages do not tell. */
const doubt = (reason: string): Outcome => ({ status: 'unassessed', ranges: [], fixed: null, reason });

function unfixed(all: readonly Said[]): Outcome {
  const open = all.filter(isOpen);
  if (open.length > 0 && open.length < all.length && streamsOf(all).size > 1)
    return doubt(`it depends on the stream: ${named(open)} affected`);
  const { status, reason } = open[0] ?? all[0]!;
  const hasRange = status !== 'not-affected' && status !== 'unassessed';
  return { status, ranges: hasRange ? [{ introduced: '0' }] : [], fixed: null, reason };
}

/** Streams with a package that is numbered as they are. */
export const ledIn = (all: readonly Said[]): Set<string> =>
  ledStreams(
    all.flatMap(({ status, component: { stream, version } }) =>
      status === 'fixed' && version !== null ? [{ stream, version }] : [],
    ),
  );

function fixed(all: readonly Said[], fixes: readonly Said[], led: ReadonlySet<string>): Outcome {
  const mended = streamsOf(fixes);
  const without = all.filter((one) => isOpen(one) && !mended.has(one.component.stream));
  if (without.length > 0) return doubt(`fixed in some streams, not in ${named(without)}`);
  const others = streamsOf(all).size - 1;
  const ranges = [...Map.groupBy(fixes, ({ component }) => component.stream)].map(([stream, same]): StatementRange => {
    const version = newest(same.map(({ component }) => component.version!));
    return others > 0 ? rangeInStream(stream, version, led) : { introduced: '0', fixed: version };
  });
  return { status: 'fixed', ranges, fixed: newest(ranges.map((range) => range.fixed!)), reason: null };
}
