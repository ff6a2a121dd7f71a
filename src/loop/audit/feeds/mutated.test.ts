import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { damaged, isPolluted, misshapen } from '../../../../tests/mutations.ts';
import { FEED_KINDS, type FeedKind } from '../../../model/feed.ts';
import { Signal, Statement } from '../../../model/statement.ts';
import type { FeedSettings } from './contract.ts';
import { readFeed } from './read.ts';
import { rhel, vex } from './testing-vex.ts';
import { shared, zip } from './testing.ts';

interface Sample {
  settings: FeedSettings;
  /** sound documents; none: it is no JSON */
  documents: unknown[];
  files: Uint8Array[];
}

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const json = (documents: unknown[], settings: FeedSettings = {}): Sample => ({
  settings,
  documents,
  files: documents.map(bytesOf),
});

const OSV = {
  id: 'GHSA-5qpq-xqfv-j9pg',
  modified: '2026-01-01T00:00:00Z',
  aliases: ['CVE-2026-1'],
  related: ['CVE-2026-2'],
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'Debian:12', name: 'openssl' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.0.11-1' }] }],
      versions: ['3.0.1'],
      ecosystem_specific: { urgency: 'high' },
    },
  ],
};
const EPSS =
  '#model_version:v2026.01.01,score_date:2026-11-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.5,0.9\n';

/** Small sound ones of each kind, cut out of real files where those are on this machine. */
function samplesOf(t: TestContext): Record<FeedKind, Sample> {
  const read = (name: string): unknown => JSON.parse(shared(t, name)!.toString('utf8'));
  const tracker = Object.fromEntries(
    Object.entries(read('debian-tracker-subset.json') as Record<string, object>)
      .slice(0, 3)
      .map(([source, ids]) => [source, Object.fromEntries(Object.entries(ids).slice(0, 3))]),
  );
  const kev = read('kev-2025-08-25.json.xz') as { vulnerabilities: unknown[] };
  const cases = shared(t, 'tracker-cases.list')!;
  const red = vex('CVE-2026-1', [
    { in: rhel(9), purl: 'openssl@3.0.7-1.el9?arch=src', status: 'fixed', erratum: 'RHSA-2026:1' },
    { in: rhel(8), purl: 'openssl?arch=src', status: 'known_affected', none: ['no_fix_planned', 'x'] },
  ]);
  return {
    'alpine-secdb': json(
      [
        {
          distroversion: 'v3.20',
          reponame: 'main',
          packages: [{ pkg: { name: 'openssl', secfixes: { '3.1.0-r1': ['CVE-2026-1'], '0': ['CVE-2026-2'] } } }],
        },
      ],
      { release: 'v3.20' },
    ),
    'debian-list': { settings: {}, documents: [], files: [cases.subarray(0, 4000), cases.subarray(-4000)] },
    'debian-tracker': json([tracker]),
    epss: { settings: {}, documents: [], files: [Buffer.from(EPSS), gzipSync(EPSS)] },
    kev: json([{ ...kev, count: 3, vulnerabilities: kev.vulnerabilities.slice(0, 3) }]),
    osv: {
      settings: { ecosystem: 'Debian' },
      documents: [OSV, [OSV, OSV]],
      files: [bytesOf(OSV), zip({ 'A.json': JSON.stringify(OSV), 'B.json': JSON.stringify(OSV) })],
    },
    'redhat-vex': json([red, [red]]),
  };
}

/** The longest that reading so little may take, on a machine that is busy with other things. */
const BOUND_MS = 5000;

/** All of it fits what is stored, or an Error in words; nothing else ever happens. Returns whether it was taken. */
function holds(kind: FeedKind, bytes: Uint8Array, settings: FeedSettings): boolean {
  const began = performance.now();
  try {
    const { statements, signals } = readFeed({ kind, settings, now: '2026-11-20T00:00:00.000Z' }, bytes);
    for (const { body } of statements) Statement.parse(JSON.parse(body));
    for (const { body } of signals) Signal.parse(JSON.parse(body));
    return true;
  } catch (error) {
    assert.ok(
      error instanceof Error && error.constructor === Error && error.message.length > 3,
      String((error as Error).stack),
    );
    assert.ok(error.message.length < 1000, `an error of ${error.message.length} characters`);
    return false;
  } finally {
    assert.ok(performance.now() - began < BOUND_MS, `${kind} took too long`);
    assert.ok(!isPolluted());
  }
}

test('3.1: every kind of feed that is damaged or misshapen is taken whole or refused with a reason, at once', (t) => {
  const samples = samplesOf(t);
  for (const kind of FEED_KINDS) {
    const { files, documents, settings } = samples[kind];
    for (const file of files) assert.ok(holds(kind, file, settings), `the sound ${kind} is taken`);
    const odd = documents.length === 0 ? [] : [misshapen(documents).map((text) => new Uint8Array(Buffer.from(text)))];
    fc.assert(
      fc.property(fc.oneof(damaged(files), ...odd), (bytes) => void holds(kind, bytes, settings)),
      { numRuns: 400 },
    );
  }
});
