import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { damaged, isPolluted } from '../../../tests/mutations.ts';
import { ReportsFacts } from '../../model/facts.ts';
import type { Report } from './contract.ts';
import { readLynis } from './lynis.ts';
import { sharedScap } from './testing.ts';
import { readXccdf } from './xccdf.ts';

const BOUND_MS = 5000;

async function holds(tool: 'lynis' | 'oscap', read: (text: string) => Report | Promise<Report>, text: string) {
  const began = performance.now();
  const path = '/var/log/report';
  try {
    const { about, rules } = await read(text);
    ReportsFacts.parse({
      reports: [{ ...about, tool, path }],
      rules: rules.map((rule) => ({ ...rule, tool, path })),
      unread: [],
    });
  } catch (error) {
    assert.ok(error instanceof Error && error.constructor === Error, String((error as Error).stack));
    assert.ok(error.message.length > 3 && error.message.length < 1000);
  }
  assert.ok(performance.now() - began < BOUND_MS, `${tool} took too long`);
  assert.ok(!isPolluted());
}

/** Beginning, middle and end of a real file: damage in 200 KB is found as well as in 20 MB. */
function parts(text: string): Buffer[] {
  const middle = text.indexOf('<TestResult');
  return [text.slice(0, 60_000), text.slice(middle, middle + 100_000), text.slice(-100_000)].map((one) =>
    Buffer.from(one),
  );
}

test('results of oscap that are damaged are read or refused with a reason, at once', async (t) => {
  const text = sharedScap(t, 'xccdf-results-cis_level1_server.xml.xz');
  if (text === null) return;
  const whole = text.slice(text.indexOf('<TestResult'));
  const small = `<?xml version="1.0"?>${whole.slice(0, 30_000)}</TestResult>`;
  await fc.assert(
    fc.asyncProperty(damaged([...parts(text), Buffer.from(small)]), (bytes) =>
      holds('oscap', readXccdf, Buffer.from(bytes).toString('utf8')),
    ),
    { numRuns: 150 },
  );
  for (const odd of [
    '<'.repeat(200_000),
    '<a>'.repeat(100_000),
    `<TestResult ${'x="1" '.repeat(20_000)}>`,
    `<!DOCTYPE a [<!ENTITY a "${'b'.repeat(1000)}"><!ENTITY c "${'&a;'.repeat(1000)}">]><TestResult>&c;</TestResult>`,
    `<TestResult><rule-result idref="__proto__"><result>fail</result></rule-result></TestResult>`,
    '&'.repeat(100_000),
  ])
    await holds('oscap', readXccdf, odd);
});

test('a report of Lynis that is damaged is read or refused with a reason, at once', async (t) => {
  const text = sharedScap(t, 'lynis-report.dat');
  if (text === null) return;
  await fc.assert(
    fc.asyncProperty(damaged([Buffer.from(text)]), (bytes) =>
      holds('lynis', readLynis, Buffer.from(bytes).toString('utf8')),
    ),
    { numRuns: 150 },
  );
  for (const odd of ['warning[]=|||||||\n'.repeat(5000), `${'='.repeat(200_000)}`, '__proto__=1\nconstructor[]=2\n'])
    await holds('lynis', readLynis, odd);
});
