import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type HostMatch, matchHost } from '../logic/advisories/host.ts';
import type { Installed } from '../logic/advisories/match.ts';
import { versionOrder } from '../versions/registry.ts';
import { debianTracker } from './debian-tracker.ts';
import { debsecan } from './testing-debsecan.ts';
import { DATA, debian, dpkgStatus, own, shared } from './testing.ts';

const theirs = (status: string | Buffer): string[] | null =>
  debsecan(status, { data: join(DATA, 'debsecan'), suite: 'bookworm' });

test('3.1, oracle: a host’s findings are debsecan’s, line by line', (t: TestContext) => {
  const [status, tracker] = [shared(t, 'lab-12.15.dpkg-status.xz'), shared(t, 'debian-tracker-subset.json')];
  if (!status || !tracker) return;
  const wanted = theirs(status);
  if (wanted === null) return t.skip('there is no debsecan here that runs');
  const statements = own(debianTracker.parse(tracker, {}).statements);
  const { packages } = matchHost(statements, dpkgStatus(status.toString()), versionOrder, null);
  const lines = (isUnimportant: boolean): string[] =>
    packages
      .filter(({ verdict }) => verdict === 'affected')
      .filter(({ statement }) => (statement.urgency === 'unimportant') === isUnimportant)
      .flatMap(({ id, packages: names }) => names.map((name) => `${id} ${name}`))
      .toSorted();
  assert.ok(wanted.length > 100);
  assert.deepEqual(lines(false), wanted);
  // debsecan leaves out what Debian calls unimportant; we tell it, and say that it is.
  assert.deepEqual(lines(true), ['CVE-2005-2541 tar', 'CVE-2019-1010022 libc-bin', 'CVE-2019-1010022 libc6']);
});

/** Versions around a fix: it, before and after it, rebuilt for this release, rebuilt without a change, with another epoch. */
const AROUND: readonly ((fixed: string) => string)[] = [
  (fixed) => fixed,
  (fixed) => `${fixed}~`,
  (fixed) => `${fixed}~deb12u1`,
  (fixed) => `${fixed}.1`,
  (fixed) => fixed.replace(/\d+$/, (digits) => String(Math.max(0, Number(digits) - 1))),
  (fixed) => fixed.replace(/\d+/, (digits) => String(Math.max(0, Number(digits) - 1))),
  (fixed) => `9:${fixed.replace(/^\d+:/, '')}`,
];

/** A package of each source, called as it or otherwise, with a binary version that need not be the source's. */
function invented(tracker: Record<string, Record<string, { releases: Record<string, { fixed_version?: string }> }>>) {
  return Object.entries(tracker).map(([source, ids], at) => {
    const fixes = Object.values(ids).flatMap(({ releases }) => releases['bookworm']?.fixed_version ?? []);
    const fixed = fixes.find((one) => one !== '0') ?? '1.0-1';
    const version = AROUND[at % AROUND.length]!(fixed);
    return at % 3 === 0 ? debian(`lib${source}-x`, `7:${version}+b1`, source, version) : debian(source, version);
  });
}

const statusOf = (installed: readonly Installed[]): string =>
  installed
    .map(({ name, version, source, sourceVersion }) =>
      [
        `Package: ${name}`,
        'Status: install ok installed',
        `Source: ${source} (${sourceVersion})`,
        `Version: ${version}`,
        'Architecture: amd64',
        '',
      ].join('\n'),
    )
    .join('\n');

test('3.1, oracle: on a package of every source of the tracker we differ from debsecan in what the docs name, and nothing else', (t: TestContext) => {
  const tracker = shared(t, 'debian-tracker-subset.json');
  if (!tracker) return;
  const installed = invented(JSON.parse(tracker.toString()) as never).filter(({ source }) => source !== 'linux');
  const told = theirs(statusOf(installed));
  if (told === null) return t.skip('there is no debsecan here that runs');
  const { packages } = matchHost(own(debianTracker.parse(tracker, {}).statements), installed, versionOrder, null);
  const lines = (which: (match: HostMatch) => boolean): string[] =>
    packages.filter(which).flatMap(({ id, packages: names }) => names.map((name) => `${id} ${name}`));
  const ours = new Set(lines(({ verdict }) => verdict === 'affected'));
  const unimportant = new Set(lines(({ statement }) => statement.urgency === 'unimportant'));
  const rebuilt = new Set(lines(({ why }) => / is a rebuild of /.test(why)));
  const listed = new Set(told);
  assert.deepEqual(
    [...ours].filter((line) => !listed.has(line) && !unimportant.has(line)),
    [],
  );
  assert.deepEqual(
    [...listed].filter((line) => !ours.has(line) && !rebuilt.has(line)),
    [],
  );
  assert.ok(listed.size > 500 && rebuilt.size > 10, `${listed.size} lines, ${rebuilt.size} of rebuilds`);
});
