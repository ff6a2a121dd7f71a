/**
 * Held to a slow and plain reading of the same files: each record anew for each package, by the steps of OSV's own
 * specification and of Debian's tracker, without anything of what the readers and the matcher make of them.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { matchHost } from '../logic/advisories/host.ts';
import type { FeedStatement, Installed } from '../logic/advisories/match.ts';
import { versionOrder } from '../versions/registry.ts';
import { debianTracker } from './debian-tracker.ts';
import { osv } from './osv.ts';
import { own, shared, sharedRecords } from './testing.ts';

type Compare = (a: string, b: string) => number | null;
type Event = Record<string, string>;
interface OsvRecord {
  id: string;
  summary?: string;
  withdrawn?: string;
  upstream?: string[];
  affected?: {
    package: { ecosystem: string; name: string };
    ranges?: { type: string; events: Event[] }[];
    versions?: string[];
  }[];
}

/** https://ossf.github.io/osv-schema/#evaluation; null: something could not be compared. */
function isVulnerable(events: readonly Event[], version: string, compare: Compare): boolean | null {
  const at = (text: string): number | null => (text === '0' ? 1 : compare(version, text));
  let vulnerable = false;
  const key = (one: Event): string => Object.values(one)[0]!;
  const sorted = events.toSorted((a, b) => (key(a) === '0' ? -1 : key(b) === '0' ? 1 : (compare(key(a), key(b)) ?? 0)));
  for (const event of sorted) {
    const difference = at(key(event));
    if (difference === null) return null;
    if (event['introduced'] !== undefined && difference >= 0) vulnerable = true;
    else if (event['fixed'] !== undefined && difference >= 0) vulnerable = false;
    else if (event['last_affected'] !== undefined && difference > 0) vulnerable = false;
  }
  return vulnerable;
}

/** Debian's rebuilds for an older release have what they were built from. */
const asBuiltFrom = (version: string): string => version.replace(/~(?:deb\d+u\d+|bpo\d+\+\d+)(?:\+b\d+)?$/, '');

const nameOf = (id: string, upstream: readonly string[] = []): string =>
  upstream.find((other) => id === `${id.slice(0, id.indexOf('-'))}-${other}`) ?? id;

/** Red Hat's family builds some packages for a module's stream, which stands in the version and in the summary. */
function isOfAnotherStream(events: readonly Event[], version: string, { summary = '', affected }: OsvRecord): boolean {
  const fixed = events.find((one) => one['fixed'] !== undefined)?.['fixed'];
  if (fixed === undefined || !/module/.test(fixed + version)) return false;
  if (fixed.includes('.module') !== version.includes('.module')) return true;
  const stream = / [\w.+-]+:([\d.]+) | ^[\w.+-]+:([\d.]+) /.exec(` ${summary}`)?.slice(1).find(Boolean);
  const upstream = fixed.replace(/^\d+:/, '');
  const isNumbered = stream !== undefined && upstream.startsWith(`${stream}.`);
  if (!isNumbered) return isToldByOthers(stream, summary, affected);
  const order = versionOrder('AlmaLinux')!;
  return order(version, `${/^\d+:/.exec(fixed)?.[0] ?? ''}${stream}`) === -1;
}

/** Of a companion nobody can tell its stream, where something else of the record is numbered as that. */
function isToldByOthers(stream: string | undefined, summary: string, affected: OsvRecord['affected']): boolean {
  if (stream === undefined || /\d:[\d.]+ /.test(summary)) return false;
  const numbered = new RegExp(`"fixed":"(\\d+:)?${stream.replaceAll('.', '\\.')}\\.[^"]*\\.module`);
  return numbered.test(JSON.stringify(affected));
}

/** Ids that affect a package, by reading every record. */
function byRecords(records: readonly OsvRecord[], one: Installed & { ecosystem: string }): string[] {
  const compare = versionOrder(one.ecosystem)!;
  const isBinary = one.ecosystem === 'AlmaLinux';
  const [name, version] = isBinary ? [one.name, one.version] : [one.source, one.sourceVersion];
  const found = new Set<string>();
  for (const record of records) {
    const { id, withdrawn, upstream, affected } = record;
    if (withdrawn !== undefined) continue;
    for (const { package: of, ranges, versions } of affected ?? []) {
      if (of.name !== name || of.ecosystem !== `${one.ecosystem}:${one.release}`) continue;
      const verdicts = (ranges ?? []).map(({ events }) => {
        const isRebuilt = events.some(({ fixed }) => fixed === asBuiltFrom(version) && fixed !== version);
        if (isRebuilt || isOfAnotherStream(events, version, record)) return false;
        return isVulnerable(events, version, compare);
      });
      if (verdicts.includes(true) || versions?.includes(version)) found.add(nameOf(id, upstream));
    }
  }
  return [...found].toSorted();
}

type Tracker = Record<string, Record<string, { releases: Record<string, { status: string; fixed_version?: string }> }>>;

function byTracker(tracker: Tracker, { source, sourceVersion }: Installed): string[] {
  const compare = versionOrder('Debian')!;
  return Object.entries(tracker[source] ?? {})
    .flatMap(([id, { releases }]) => {
      const told = releases['bookworm'];
      if (!told || told.status === 'undetermined') return [];
      if (told.status === 'open') return [id];
      const fixed = told.fixed_version!;
      const isFixed = fixed === '0' || asBuiltFrom(sourceVersion) === fixed || compare(sourceVersion, fixed)! >= 0;
      return isFixed ? [] : [id];
    })
    .toSorted();
}

/** Versions around one that the data names: itself, rebuilt, before, after, with another epoch. */
const mutations: readonly ((version: string) => string)[] = [
  (one) => one,
  (one) => one,
  (one) => `${one}~`,
  (one) => `${one}~deb12u1`,
  (one) => `${one}~bpo12+1`,
  (one) => `${one}+b1`,
  (one) => `${one}.1`,
  (one) => one.replace(/\d+$/, (digits) => `${Math.max(0, Number(digits) - 1)}`),
  (one) => one.replace(/^\d+:/, ''),
  (one) => `9:${one.replace(/^\d+:/, '')}`,
  (one) => one.replace(/\.module.*$/, ''),
  (one) => `${one.replace(/\.module.*$/, '')}.module_el8.1.0+1+abc`,
  (one) => one.replace(/\d+/, (digits) => `${Math.max(0, Number(digits) - 1)}`),
];

interface Named {
  name: string;
  release: string;
  version: string;
}

const Packages = (named: readonly Named[], ecosystem: string): fc.Arbitrary<Installed[]> =>
  fc.array(
    fc
      .tuple(
        fc.nat(named.length - 1),
        fc.nat(mutations.length - 1),
        fc.boolean(),
        fc.constantFrom(...new Set(named.map(({ release }) => release))),
        fc.boolean(),
      )
      .map(([at, how, isOther, otherRelease, isElsewhere]) => {
        const { name, version: told, release } = named[at]!;
        const version = mutations[how]!(told);
        // A binary package that is called and numbered otherwise than its source.
        const binary = isOther && ecosystem !== 'AlmaLinux';
        return {
          ecosystem,
          release: isElsewhere ? otherRelease : release,
          name: binary ? `lib${name}-9` : name,
          version: binary ? `7:${version}+b3` : version,
          source: name,
          sourceVersion: version,
        };
      }),
    { minLength: 1, maxLength: 12 },
  );

/** By source and version, what affects it. Kernels are judged by what runs, and are tried elsewhere. */
function told(statements: readonly FeedStatement[], one: Installed): string[] {
  const { packages } = matchHost(statements, [one], versionOrder, null);
  return packages.flatMap(({ id, verdict }) => (verdict === 'affected' ? [id] : [])).toSorted();
}

const isKernel = ({ name }: { name: string }): boolean => /^(?:linux|kernel)/.test(name);

function hold(
  statements: readonly FeedStatement[],
  named: readonly Named[],
  { ecosystem, naive }: { ecosystem: string; naive: (one: Installed) => string[] },
): void {
  const byName = Map.groupBy(statements, ({ name }) => name);
  const seen = { affected: 0, clean: 0 };
  fc.assert(
    fc.property(Packages(named, ecosystem), (packages) => {
      for (const one of packages) {
        const wanted = naive(one);
        const about = [...new Set([one.source, one.name])].flatMap((name) => byName.get(name) ?? []);
        assert.deepEqual(told(about, one), wanted, JSON.stringify(one));
        seen[wanted.length > 0 ? 'affected' : 'clean'] += 1;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(seen.affected > 100 && seen.clean > 50, JSON.stringify(seen));
}

function heldToRecords(records: readonly OsvRecord[], ecosystem: string): void {
  const bytes = Buffer.from(JSON.stringify(records));
  const statements = own(osv.parse(bytes, { ecosystem }).statements).filter((one) => !isKernel(one));
  const named = records.flatMap(({ affected }) =>
    (affected ?? []).flatMap(({ package: of, ranges }): Named[] => {
      const [first, release] = of.ecosystem.split(':');
      if (first !== ecosystem || isKernel(of)) return [];
      return (ranges ?? []).flatMap(({ events }) =>
        events.flatMap((event) => {
          const version = Object.values(event)[0]!;
          return version === '0' ? [] : [{ name: of.name, release: release!, version }];
        }),
      );
    }),
  );
  const byName = new Map<string, OsvRecord[]>();
  for (const record of records)
    for (const name of new Set((record.affected ?? []).map((one) => one.package.name)))
      byName.set(name, [...(byName.get(name) ?? []), record]);
  const naive = (one: Installed): string[] =>
    byRecords([...new Set([...(byName.get(one.source) ?? []), ...(byName.get(one.name) ?? [])])], one);
  hold(statements, named, { ecosystem, naive });
}

for (const [ecosystem, file] of [
  ['AlmaLinux', 'almalinux-osv-948f47aa.tar.xz'],
  ['Alpaquita', 'alpaquita-osv-5005275d.tar.xz'],
] as const)
  test(`3.1, oracle: ${ecosystem}’s records, each read anew for each package, say what we say`, (t: TestContext) => {
    const bytes = sharedRecords(t, file);
    if (bytes) heldToRecords(JSON.parse(bytes.toString()) as OsvRecord[], ecosystem);
  });

test('3.1, oracle: Debian’s tracker, read anew for each package, says what we say', (t: TestContext) => {
  const bytes = shared(t, 'debian-tracker-subset.json');
  if (!bytes) return;
  const tracker = JSON.parse(bytes.toString()) as Tracker;
  const statements = own(debianTracker.parse(bytes, {}).statements).filter((one) => !isKernel(one));
  const named = Object.entries(tracker).flatMap(([name, ids]) =>
    isKernel({ name })
      ? []
      : Object.values(ids).flatMap(({ releases }) =>
          Object.values(releases).map((one) => ({ name, release: '12', version: one.fixed_version ?? '1.0-1' })),
        ),
  );
  hold(statements, named, { ecosystem: 'Debian', naive: (one) => byTracker(tracker, one) });
});

/** Ranges as records may have them: several, each with several spells, events in any order, the last one open or not. */
const Range = fc
  .record({
    places: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 }),
    ends: fc.array(fc.constantFrom('fixed', 'last_affected'), { minLength: 3, maxLength: 3 }),
    fromStart: fc.boolean(),
    shuffle: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
  })
  .map(({ places, ends, fromStart, shuffle }) => {
    const versions = places.toSorted((a, b) => a - b).map((place) => `1.${place}.0`);
    if (fromStart) versions[0] = '0';
    const events = versions.map((version, at): Event => ({
      [at % 2 === 0 ? 'introduced' : ends[(at - 1) / 2]!]: version,
    }));
    return events
      .map((event, at) => ({ event, place: shuffle[at]! }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ event }) => event);
  });

test('3.1, property: ranges are read as OSV’s own steps have it, with listed versions beside them', () => {
  const compare = versionOrder('npm')!;
  fc.assert(
    fc.property(
      fc.array(Range, { maxLength: 3 }),
      fc.uniqueArray(
        fc.nat(31).map((place) => `1.${place}.0`),
        { maxLength: 2 },
      ),
      (ranges, versions) => {
        const record = {
          id: 'GHSA-1',
          affected: [
            {
              package: { ecosystem: 'npm', name: 'x' },
              versions,
              ranges: [
                ...ranges.map((events) => ({ type: 'SEMVER', events })),
                { type: 'GIT', events: [{ introduced: '0' }] },
              ],
            },
          ],
        };
        const statements = own(osv.parse(Buffer.from(JSON.stringify(record)), {}).statements);
        for (let place = 0; place < 32; place += 1) {
          const version = `1.${place}.0`;
          const one = { ecosystem: 'npm', release: null, name: 'x', version, source: 'x', sourceVersion: version };
          const wanted =
            versions.includes(version) || ranges.some((events) => isVulnerable(events, version, compare) === true);
          assert.deepEqual(told(statements, one), wanted ? ['GHSA-1'] : [], version);
        }
      },
    ),
    { numRuns: 300 },
  );
});
