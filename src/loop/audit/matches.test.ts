import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { PackageFact } from '../../model/facts.ts';
import type { Vulnerabilities } from '../../model/vulnerability.ts';
import { dpkgStatus, shared } from './feeds/testing.ts';
import { matchHost } from './logic/advisories/host.ts';
import type { FeedStatement, Installed } from './logic/advisories/match.ts';
import { releaseOf } from './logic/advisories/release.ts';
import { statementsCalled } from './store-feeds.ts';
import { debianHost, debianPackage, fixedIn, takeFeed, tracker } from './testing/vulnerabilities.ts';
import { type World, world } from './testing/world.ts';
import { versionOrder } from './versions/registry.ts';

const SOURCES = ['openssl', 'openssh', 'linux', 'nginx'];
const IDS = ['CVE-2026-1', 'CVE-2026-2', 'CVE-2026-3'];
const VERSIONS = ['1.0-1', '1.1-1', '1.1-1~deb12u1', '1.2-1', 'no version!'];
const KERNELS = ['6.1.0-1-amd64', '6.1.0-2-amd64', 'mine'];

const pick = <T>(values: readonly T[]) => fc.constantFrom(...values);
const said = fc.record({ source: pick(SOURCES), id: pick(IDS), version: pick(['open', ...VERSIONS.slice(0, 4)]) });
const has = fc.record({ source: pick(SOURCES), version: pick(VERSIONS), foreign: fc.boolean(), flavour: pick([1, 2]) });
const Step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('debian' as const),
      said: fc.array(said, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: pick(['osv-a', 'osv-b'] as const),
      said: fc.array(said, { minLength: 1, maxLength: 6 }),
      release: pick([':12', ':11', '']),
      day: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('remove' as const), feed: pick(['debian', 'osv-a']) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('host' as const),
      last: fc.integer({ min: 1, max: 4 }),
      has: fc.array(has, { maxLength: 5 }),
      kernel: pick(KERNELS),
      versionId: pick(['12', '11']),
    }),
  },
);
type Step = typeof Step extends fc.Arbitrary<infer T> ? T : never;

const toPackage = ({
  source,
  version,
  foreign,
  flavour,
}: typeof has extends fc.Arbitrary<infer T> ? T : never): PackageFact => {
  const name = source === 'linux' ? `linux-image-6.1.0-${flavour}-amd64` : `${source}-${flavour}`;
  return debianPackage(name, version, { source, sourceVersion: version, ...(foreign ? { origin: 'foreign' } : {}) });
};

async function take(w: World, step: Step): Promise<void> {
  w.later();
  switch (step.what) {
    case 'debian': {
      const of: Record<string, Record<string, object>> = {};
      for (const { source, id, version } of step.said)
        (of[source] ??= {})[id] = version === 'open' ? { status: 'open' } : fixedIn(version);
      return takeFeed(w, { name: 'debian', kind: 'debian-tracker' }, tracker(of));
    }
    case 'osv-a':
    case 'osv-b': {
      const records = step.said.map(({ source, id, version }) => ({
        id,
        modified: `2026-11-0${step.day}T00:00:00Z`,
        affected: [
          {
            package: { ecosystem: `Debian${step.release}`, name: source },
            ranges: [
              { type: 'ECOSYSTEM', events: [{ introduced: '0' }, ...(version === 'open' ? [] : [{ fixed: version }])] },
            ],
          },
        ],
      }));
      return takeFeed(w, { name: step.what, kind: 'osv', settings: { ecosystem: 'Debian' } }, records);
    }
    case 'remove':
      return void (await w.call('removeFeed', { params: { name: step.feed } }).catch((error: { code: string }) => {
        if (error.code !== 'NOT_FOUND') throw error;
      }));
    case 'host':
      await debianHost(w, step.last, step.has.map(toPackage), {
        os: { kernel: step.kernel, versionId: step.versionId },
      });
  }
}

type Lines = Map<string, string[]>;

/** From nothing but the facts and the statements that are stored now. */
async function recomputed(w: World): Promise<Lines> {
  const statements = await statementsCalled(
    w.platform.db,
    SOURCES.map((called) => ({ ecosystem: 'Debian', called })),
  );
  const lines: Lines = new Map();
  for (const { id } of await w.discovery.hosts()) {
    const { packages, os } = (await w.audit.facts(id)).sections;
    if (packages) lines.set(id, linesOf(statements, packages, { running: os!.kernel, versionId: os!.versionId }));
  }
  return lines;
}

function linesOf(
  statements: readonly FeedStatement[],
  packages: readonly PackageFact[],
  { running, versionId }: { running: string; versionId: string },
): string[] {
  const installed = packages.map((one): Installed => ({
    ...one,
    release: releaseOf('Debian', versionId),
    foreign: one.origin === 'foreign',
    label: `${one.name} ${one.version}`,
  }));
  const found = matchHost(statements, installed, versionOrder, running);
  const lines = [...found.packages, ...found.kernel]
    .filter(({ verdict }) => verdict === 'affected' || verdict === 'unknown')
    .flatMap((one) =>
      one.packages.map((label) => [label, one.id, one.verdict, one.fix, one.why, one.statement.feed].join(' | ')),
    );
  return [...new Set(lines)].toSorted();
}

async function stored(w: World): Promise<Lines> {
  const { rows } = await sql<{ host_id: string; lines: string[] }>`
    select h.host_id, array_remove(array_agg(concat_ws(' | ', p.name || ' ' || p.version, m.advisory, m.verdict, coalesce(m.fix, ''), m.why, m.feed)
      ) filter (where m.id is not null), null) as lines
    from audit.host_list h join audit.package_list l on l.id = h.list_id
    left join lateral unnest(l.packages) i on true left join audit.package p on p.id = i
    left join audit.match m on m.package_id = i and m.until is null
    where h.until is null and h.section = 'packages' group by h.host_id`.execute(w.platform.db);
  // Of one name and version, with and without a mark as foreign, two packages are stored: one line, as above.
  return new Map(rows.map((row) => [row.host_id, [...new Set(row.lines)].toSorted()]));
}

/** Hosts by advisory. */
function counted(lines: Lines): Map<string, number> {
  const hosts = [...lines].flatMap(([id, own]) =>
    own.flatMap((line) => {
      const [, advisory, verdict] = line.split(' | ');
      return verdict === 'affected' ? [`${advisory}\n${id}`] : [];
    }),
  );
  const counts = new Map<string, number>();
  for (const one of new Set(hosts)) {
    const advisory = one.split('\n')[0]!;
    counts.set(advisory, (counts.get(advisory) ?? 0) + 1);
  }
  return counts;
}

test('3.9, property: after any sequence of imports and changed facts, what is stored is what a full recomputation says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { minLength: 6, maxLength: 14 }), async (steps) => {
      const w = await world();
      try {
        for (const step of steps) {
          await take(w, step);
          assert.deepEqual(await stored(w), await recomputed(w));
        }
        await w.settle();
        const { items } = await w.call<Vulnerabilities>('listVulnerabilities');
        const wanted = counted(await recomputed(w));
        assert.deepEqual(new Map(items.map(({ advisory, hosts }) => [advisory, hosts])), wanted);
      } finally {
        await w.close();
      }
    }),
    { numRuns: 5 },
  );
});

test('3.1, oracle: what is stored of a real host is what the whole of it gives line by line', async (t: TestContext) => {
  const [status, content] = [shared(t, 'lab-12.15.dpkg-status.xz'), shared(t, 'debian-tracker-subset.json')];
  if (!status || !content) return;
  const w = await world();
  try {
    const installed = dpkgStatus(status.toString());
    const facts = installed.map(({ name, version, source, sourceVersion }) =>
      debianPackage(name, version, { source, sourceVersion }),
    );
    const hostId = await debianHost(w, 1, facts);
    await takeFeed(w, { name: 'debian', kind: 'debian-tracker' }, JSON.parse(content.toString()) as object);
    await w.settle();
    const names = [...new Set(installed.map(({ source }) => source))].map((called) => ({
      ecosystem: 'Debian',
      called,
    }));
    const { os, packages } = (await w.audit.facts(hostId)).sections;
    const wanted = linesOf(
      await statementsCalled(w.platform.db, [...names, { ecosystem: 'Debian', called: 'linux' }]),
      packages!,
      {
        running: os!.kernel,
        versionId: '12',
      },
    );
    assert.ok(wanted.length > 100);
    assert.deepEqual((await stored(w)).get(hostId), wanted);
    const { total } = await w.call<Vulnerabilities>('listVulnerabilities', { query: { host: hostId, limit: '500' } });
    assert.equal(
      total,
      new Set(wanted.filter((line) => line.includes(' | affected | ')).map((line) => line.split(' | ')[1])).size,
    );
  } finally {
    await w.close();
  }
});
