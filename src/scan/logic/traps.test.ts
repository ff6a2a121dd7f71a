import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProbeResult } from '../../model/probe.ts';
import { bogusAmong, isTrapped, newTraps, Rounds, SAMPLE, SILENT_PORTS } from './traps.ts';

const SILENT: ProbeResult = { protocol: 'unknown', banner: '' };
const SPOKE: ProbeResult = { protocol: 'unknown', banner: '00' };
const looksAt = (address: string, ...results: (ProbeResult | null)[]) => results.map((result) => ({ address, result }));
const mute = (address: string) => looksAt(address, ...Array.from({ length: SILENT_PORTS + 1 }, () => SILENT));

test('1.11: eight mute addresses of a /24 are one thing that answers for it; seven are seven', () => {
  const addresses = Array.from({ length: 8 }, (_, index) => `10.0.0.${index}`);
  const traps = newTraps();
  assert.deepEqual(bogusAmong(traps, addresses.slice(0, 7).flatMap(mute)), new Set());
  assert.equal(isTrapped(traps, '10.0.0.99'), false);
  assert.deepEqual(bogusAmong(traps, mute('10.0.0.7')), new Set(['10.0.0.7']));
  assert.deepEqual(bogusAmong(newTraps(), addresses.flatMap(mute)), new Set(addresses));
  const spread = Array.from({ length: 40 }, (_, index) => `10.0.${index}.1`);
  assert.deepEqual(bogusAmong(newTraps(), spread.flatMap(mute)), new Set(), 'in other subnets they are others');
});

test('1.11: one word, or one port that could not be looked at, and an address is a machine like any other', () => {
  const all = Array.from({ length: 20 }, (_, index) => mute(`10.0.0.${index}`)).flat();
  const two = [
    ...mute('10.0.0.30'),
    ...looksAt('10.0.0.30', SPOKE),
    ...mute('10.0.0.31'),
    ...looksAt('10.0.0.31', null),
  ];
  const udp = [...mute('10.0.0.32'), { address: '10.0.0.32', transport: 'udp', result: SILENT }];
  const bogus = bogusAmong(newTraps(), [...all, ...two, ...udp]);
  assert.equal(bogus.size, 20);
  const few = Array.from({ length: 20 }, (_, index) => looksAt(`10.0.0.${index}`, SILENT, SILENT)).flat();
  assert.equal(bogusAmong(newTraps(), few).size, 0, 'a few silent ports are nothing special');
});

test('silence in a glance is none: too few ports were waited for, or it is known to have spoken', () => {
  const all = Array.from({ length: 8 }, (_, index) => mute(`10.0.0.${index}`)).flat();
  const glanced = (waited: number) => mute('10.0.0.50').map((look, index) => ({ ...look, isGlance: index >= waited }));
  assert.equal(bogusAmong(newTraps(), [...all, ...glanced(SAMPLE - 1)]).has('10.0.0.50'), false);
  assert.equal(bogusAmong(newTraps(), [...all, ...glanced(SAMPLE)]).has('10.0.0.50'), true);
  const bogus = bogusAmong(newTraps(), [...all, ...mute('10.0.0.50')], new Set(['10.0.0.50']));
  assert.deepEqual([bogus.size, bogus.has('10.0.0.50')], [8, false]);
});

test('each port is looked at once, in full until its address stayed silent long enough', () => {
  const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.1.3', '10.0.2.4');
  fc.assert(
    fc.property(fc.array(fc.record({ address, silent: fc.boolean() }), { maxLength: 120 }), (pairs) => {
      const rounds = new Rounds(pairs, (at) => at === '10.0.2.4');
      const seen: number[] = [];
      const silent = new Map<string, number>();
      for (let round = rounds.next(); round; round = rounds.next()) {
        for (const index of round.short) {
          const at = pairs[index]!.address;
          assert.ok((silent.get(at) ?? 0) >= SAMPLE);
        }
        for (const index of [...round.full, ...round.patient]) {
          const { address: at, silent: isSilent } = pairs[index]!;
          rounds.note(at, isSilent ? SILENT : SPOKE);
          if (isSilent) silent.set(at, (silent.get(at) ?? 0) + 1);
        }
        seen.push(...round.full, ...round.patient, ...round.short);
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        [...pairs.keys()],
      );
    }),
  );
});

test('an address that accepts everything gets a handful of whole looks, whatever it has of ports', () => {
  const pairs = Array.from({ length: 1000 }, () => ({ address: '10.0.0.1' }));
  const rounds = new Rounds(pairs, () => false);
  const first = rounds.next()!;
  assert.deepEqual([first.full.length, first.short.length], [SAMPLE, 0]);
  for (const _ of first.full) rounds.note('10.0.0.1', SILENT);
  assert.deepEqual(rounds.next()!.short.length, 1000 - SAMPLE);
  assert.equal(rounds.next(), null);
});

test('of a subnet that accepts everything eight addresses are looked at in full, the others patiently, then in short', () => {
  const pairs = Array.from({ length: 40 * 20 }, (_, index) => ({ address: `10.0.0.${index % 40}` }));
  const rounds = new Rounds(pairs, () => false);
  const first = rounds.next()!;
  assert.deepEqual([first.full.length, first.short.length], [8 * SAMPLE, 0]);
  for (const index of first.full) rounds.note(pairs[index]!.address, SILENT);
  const second = rounds.next()!;
  assert.deepEqual([second.full.length, second.patient.length], [0, 32 * SAMPLE]);
  assert.deepEqual(second.short.length, 8 * (20 - SAMPLE));
  for (const index of second.patient) if (index % 40 !== 39) rounds.note(pairs[index]!.address, SILENT);
  rounds.note('10.0.0.39', SPOKE);
  const third = rounds.next()!;
  assert.deepEqual([third.patient.length, third.short.length], [0, 31 * (20 - SAMPLE)]);
  assert.ok(third.full.length > 0 && third.full.every((index) => index % 40 === 39), 'who speaks is looked at in full');
});

test('where one of the eight speaks, the others are looked at as any machine is', () => {
  const pairs = Array.from({ length: 40 * 20 }, (_, index) => ({ address: `10.0.0.${index % 40}` }));
  const rounds = new Rounds(pairs, () => false);
  const first = rounds.next()!;
  for (const index of first.full) rounds.note(pairs[index]!.address, index === 3 ? SPOKE : SILENT);
  const next = rounds.next()!;
  assert.equal(next.full.length, 33 * SAMPLE * 2);
});
