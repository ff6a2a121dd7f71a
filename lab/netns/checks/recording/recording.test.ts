import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { KITS_DIR, loadKits } from '../../../../src/loop/audit/kit-tools/parse.ts';
import type { PackageFact } from '../../../../src/model/facts.ts';
import { cut, saidOf, type Seen, type Subject } from './cut.ts';
import { needed, withNeighbours } from './lists.ts';
import { steady, withoutMachine, withSteadyIds } from './steady.ts';
import { merged } from './text.ts';

const kits = loadKits(KITS_DIR);
const baseline = kits.find(({ kit }) => kit.kit === 'linux-baseline')!;

/** A host with many more packages than any check needs. */
function host(random: () => number): Seen {
  const { facts } = parse(readFileSync(join(KITS_DIR, 'linux-baseline/fixtures/base.yaml'), 'utf8')) as {
    facts: NonNullable<Seen['facts']>;
  };
  const more = Array.from({ length: 300 }, (_, n): PackageFact => {
    const name = `package-${String(n).padStart(3, '0')}`;
    return {
      ecosystem: 'Debian',
      name,
      version: '1',
      arch: 'all',
      source: name,
      sourceVersion: '1',
      status: 'installed',
    };
  });
  const processes = facts.processes!.map((one) => ({
    ...one,
    pid: one.pid + Math.floor(random() * 9000),
    startedAt: new Date(Date.UTC(2026, 10, 27) - random() * 80_000_000).toISOString(),
  }));
  return { facts: { ...facts, packages: [...more.slice(0, 150), ...facts.packages!, ...more.slice(150)], processes } };
}
const random = (seed: number) => (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};

const recorded = (subject: Subject, seen: Seen): Seen =>
  withSteadyIds(cut(subject, steady(seen, new Date('2026-11-27T09:00:00.000Z'), new Date('2025-03-01T12:00:00.000Z'))));

test('3.12: whatever a check says of a host, it says of what was recorded for it, which is short', () => {
  const whole = host(random(1));
  for (const { check } of baseline.checks) {
    const components = check.kind === 'host' && check.each === undefined ? [check.id] : [];
    for (const component of components) {
      const subject = { kit: baseline, check: check.id, component };
      const [before, after] = [saidOf(subject, whole), saidOf(subject, recorded(subject, whole))];
      assert.deepEqual([after?.verdict, after?.proven], [before?.verdict, before?.proven], check.id);
      const kept = recorded(subject, whole).facts?.packages ?? [];
      assert.ok(kept.length <= 10, `${check.id} keeps ${kept.length} packages`);
    }
  }
});

test('3.12: two looks at one host are recorded as the same text', () => {
  const subject = { kit: baseline, check: 'file-integrity', component: 'file-integrity' };
  const processes = { kit: baseline, check: 'old-files-running', component: 'nginx.service' };
  for (const one of [subject, processes]) {
    const [first, second] = [host(random(1)), host(random(2))].map((seen) => recorded(one, seen));
    assert.deepEqual(first, second);
  }
});

test('3.12: of a list stays what is needed, wherever it lies, and what is nearest to it', () => {
  for (let seed = 1; seed < 60; seed += 1) {
    const next = random(seed);
    const items = Array.from({ length: Math.floor(next() * 80) }, (_, n) => n);
    const wanted = items.filter(() => next() < 0.05);
    const found = needed(items, (fewer) => wanted.every((one) => fewer.includes(one)));
    assert.deepEqual(found, wanted);
    const near = withNeighbours(items, found, { most: 2 });
    assert.deepEqual(
      near,
      near.toSorted((a, b) => a - b),
    );
    assert.equal(near.length, Math.min(items.length, wanted.length + 2));
    const furthest = (all: readonly number[]): number =>
      Math.max(
        ...all.map((one) => Math.min(...(wanted.length > 0 ? wanted : [0]).map((each) => Math.abs(each - one)))),
      );
    const left = items.filter((one) => !near.includes(one));
    if (left.length > 0 && near.length > 0)
      assert.ok(furthest(near) <= Math.min(...left.map((one) => furthest([one]))));
  }
});

test('3.12: another recording of a trial replaces its cases, and changes nothing where it says the same', () => {
  const from = { system: 'Debian', host: 'bad1', trial: 'one', state: 'made bad' as const, date: '2026-11-27' };
  const one = { from, expect: 'fail' as const, component: 'x' };
  const other = { ...one, from: { ...from, trial: 'other' } };
  const text = merged(merged(null, 'one', [one]), 'other', [other]);
  assert.equal(merged(text, 'one', [{ ...one, from: { ...from, date: '2027-01-01' } }]), text);
  const changed = merged(text, 'one', [{ ...one, component: 'y' }]);
  const { cases } = parse(changed) as { cases: { component: string }[] };
  assert.deepEqual(
    cases.map(({ component }) => component),
    ['y', 'x'],
  );
});

test('3.12: times keep their distance in days, and another day of recording changes none of them', () => {
  const then = new Date('2025-03-01T12:00:00.000Z');
  const made = Date.parse('2026-11-27T09:00:00.000Z');
  const at = (days: number): string => new Date(made + days * 86_400_000).toISOString();
  const host = (lookedOn: number) =>
    steady(
      {
        // What a trial makes is as old as the trial; what the lab was made from is not.
        expiring: { notBefore: at(lookedOn), notAfter: at(lookedOn + 3) },
        shipped: { notBefore: at(-40), notAfter: at(3600) },
        expired: { notAfter: at(lookedOn - 2) },
        account: { changedOn: '2026-11-20' },
        process: { startedAt: at(lookedOn - 0.01) },
        later: { changedOn: '2199-01-01' },
      },
      new Date(at(lookedOn + 0.001)),
      then,
    );
  assert.deepEqual(host(0), {
    expiring: { notBefore: '2025-03-01T12:00:00.000Z', notAfter: '2025-03-04T12:00:00.000Z' },
    shipped: { notBefore: '2025-03-01T12:00:00.000Z', notAfter: '2035-02-27T12:00:00.000Z' },
    expired: { notAfter: '2025-02-27T12:00:00.000Z' },
    account: { changedOn: '2025-03-01' },
    process: { startedAt: '2025-03-01T11:00:00.000Z' },
    later: { changedOn: '2199-01-01' },
  });
  for (const day of [1, 30, 200]) assert.deepEqual(host(day), host(0));
});

test('3.12: nothing of the machine under the lab is recorded, neither its kernel nor how that was built', () => {
  const said = 'Linux bad1 6.9.1-host #1 SMP PREEMPT_DYNAMIC @0 x86_64';
  const found = { os: { kernel: '6.9.1-host' }, details: { description: said, os: 'Linux 6.9.1-host x86_64' } };
  assert.deepEqual(withoutMachine(found, '6.9.1-host'), {
    os: { kernel: 'of-the-machine' },
    details: { description: 'Linux bad1 of-the-machine x86_64', os: 'Linux of-the-machine x86_64' },
  });
  assert.deepEqual(withoutMachine(found, undefined), found);
});
