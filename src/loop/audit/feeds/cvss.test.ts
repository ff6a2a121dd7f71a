import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { severityOf } from '../logic/priority.ts';
import { baseScore, urgencyOf } from './cvss.ts';
import { osv } from './osv.ts';
import { sharedRecords } from './testing.ts';

/** Vectors and scores as the specifications and their documents of examples have them. */
const EXAMPLES: readonly (readonly [string, number])[] = [
  ['AV:N/AC:L/Au:N/C:N/I:N/A:C', 7.8],
  ['AV:N/AC:L/Au:N/C:C/I:C/A:C', 10],
  ['AV:L/AC:H/Au:N/C:C/I:C/A:C', 6.2],
  ['CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
  ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N', 6.4],
  ['CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N', 3.1],
  ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H', 9.9],
  ['CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L', 4.2],
  ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H', 8.8],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
  ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N', 6.8],
  ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:N/A:N', 0],
  ['CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.3],
  ['CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.7],
  ['CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N', 8.3],
  ['CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N', 4.6],
  // Metrics of the threat and of an estate change a score, not that of the base.
  ['CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U', 7.7],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:C', 9.8],
];

test('3.20: base scores of CVSS 2, 3.0, 3.1 and 4.0 are those of the specifications', () => {
  for (const [vector, score] of EXAMPLES) assert.equal(baseScore(vector), score, vector);
});

test('3.20: what is no whole vector has no score, whatever it is', () => {
  const broken = ['', 'high', '9.8', 'CVSS:3.1/AV:N', 'CVSS:3.1/AV:Q/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 'CVSS:9.9/AV:N'];
  for (const vector of broken) assert.equal(baseScore(vector), null, vector);
  fc.assert(
    fc.property(
      fc.constantFrom(...EXAMPLES.map(([vector]) => vector)),
      fc.nat(80),
      fc.nat(80),
      fc.string({ maxLength: 500 }),
      (vector, from, length, other) => {
        const score = baseScore(vector.slice(0, from) + other + vector.slice(from + length));
        assert.ok(score === null || (score >= 0 && score <= 10));
      },
    ),
    { numRuns: 500 },
  );
});

test('3.20: the newest scheme that can be read words the severity, and a distribution’s own word is before it', () => {
  const [v2, v3] = [
    { type: 'CVSS_V2', score: 'AV:N/AC:L/Au:N/C:C/I:C/A:C' },
    { type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N' },
  ];
  assert.equal(urgencyOf([v2, v3]), 'low (CVSS 3.1)');
  assert.equal(urgencyOf([v2, { type: 'CVSS_V3', score: 'CVSS:3.1/?' }]), 'high (CVSS 10.0)');
  assert.equal(urgencyOf([{ type: 'Ubuntu', score: 'medium' }]), null);
  assert.equal(urgencyOf(null), null);
  for (const [score, severity] of [
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 'critical'],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 'high'],
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:N/A:N', 'info'],
  ] as const)
    assert.equal(severityOf([urgencyOf([{ type: 'CVSS_V3', score }])]), severity);

  const record = (more: object, affected: object = {}): Buffer =>
    Buffer.from(
      JSON.stringify({
        id: 'GHSA-5qpq-xqfv-j9pg',
        affected: [{ package: { ecosystem: 'npm', name: 'x' }, versions: ['1.0.0'], ...affected }],
        ...more,
      }),
    );
  const urgency = (more: object, affected?: object) => osv.parse(record(more, affected), {}).statements[0]!.urgency;
  assert.equal(urgency({ severity: [v3] }), 'low (CVSS 3.1)');
  assert.equal(urgency({ severity: [v3] }, { severity: [v2] }), 'high (CVSS 10.0)', 'what is said of the package');
  assert.equal(urgency({ severity: [v3] }, { ecosystem_specific: { urgency: 'unimportant' } }), 'unimportant');
  assert.equal(urgency({}), null);
});

test('3.20: where no vector is, an erratum’s own word counts, Ubuntu’s priority is before one, and what mends no hole is no alarm', (t) => {
  const said = (record: object): [string | null, string] => {
    const affected = [{ package: { ecosystem: 'AlmaLinux:9', name: 'x' }, versions: ['1-1'] }];
    const [one] = osv.parse(Buffer.from(JSON.stringify({ affected, ...record })), {}).statements;
    return [one!.urgency, severityOf([one!.urgency])];
  };
  const severity = [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }];
  assert.deepEqual(said({ id: 'ALSA-2026:1', summary: 'Important: x update', related: ['CVE-2026-1'] })[1], 'high');
  assert.deepEqual(said({ id: 'RLSA-2026:1', summary: 'Moderate: x update', severity })[1], 'critical');
  assert.deepEqual(said({ id: 'ALSA-2026:2', summary: 'x: Important things' }), [null, 'unknown']);
  assert.deepEqual(said({ id: 'ALBA-2026:1', summary: 'x bug fix update' })[1], 'info');
  assert.deepEqual(said({ id: 'ALEA-2026:1', summary: 'Low: x update', related: ['CVE-2026-1'] })[1], 'low');
  const ubuntu = [...severity, { type: 'Ubuntu', score: 'low' }];
  assert.deepEqual(said({ id: 'UBUNTU-CVE-2026-1', severity: ubuntu }), ['low', 'low']);
  const bytes = sharedRecords(t, 'almalinux-osv-948f47aa.tar.xz');
  if (!bytes) return;
  const words = Map.groupBy(osv.parse(bytes, { ecosystem: 'AlmaLinux' }).statements, ({ id, urgency }) =>
    id.startsWith('ALSA') ? severityOf([urgency]) : `no security: ${severityOf([urgency])}`,
  );
  const ids = (word: string): number => new Set((words.get(word) ?? []).map(({ id }) => id)).size;
  assert.ok(ids('high') > 1000 && ids('medium') > 1000 && ids('critical') > 30, [...words.keys()].join());
  assert.ok(ids('unknown') < 10 && ids('no security: info') > 1000 && ids('no security: unknown') < 5);
});
