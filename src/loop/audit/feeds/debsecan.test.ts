import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { matchHost } from '../logic/advisories/host.ts';
import { versionOrder } from '../versions/registry.ts';
import { debianTracker } from './debian-tracker.ts';
import { DATA, dpkgStatus, own, shared } from './testing.ts';

/** `id package`, one a line, as debsecan has it; null: it is not on this machine. */
function debsecan(status: Buffer): string[] | null {
  const directory = mkdtempSync(join(tmpdir(), 'lastember-debsecan-'));
  try {
    writeFileSync(join(directory, 'status'), status);
    const source = `file://${join(DATA, 'debsecan')}`;
    const told = spawnSync(
      'debsecan',
      ['--source', source, '--suite', 'bookworm', '--status', join(directory, 'status')],
      { encoding: 'utf8' },
    );
    if (told.error || told.status !== 0) return null;
    const lines = told.stdout.trim().split('\n');
    return lines.map((line) => line.split(' ').slice(0, 2).join(' ')).toSorted();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('3.1, oracle: a host’s findings are debsecan’s, line by line', (t: TestContext) => {
  const [status, tracker] = [shared(t, 'lab-12.15.dpkg-status.xz'), shared(t, 'debian-tracker-subset.json')];
  if (!status || !tracker) return;
  const wanted = debsecan(status);
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
