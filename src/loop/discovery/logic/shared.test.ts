import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sighting } from '../../../model/estate.ts';
import { type KnownHost, reconcile } from './reconcile.ts';
import { besideOwn, type Face, isOnlyShared, sharedOf, shownBy, stoodFor, turned } from './shared.ts';

const START = Date.parse('2030-01-01T00:00:00Z');

/** Machines with one key each, one address of their own at a time (DHCP), and addresses that move between two of them. */
class World {
  readonly homes: string[];
  readonly vips: { address: string; nodes: [number, number]; on: number }[];
  known: KnownHost[] = [];
  readonly faces = new Map<string, Face[]>();
  /** record → keys that were ever seen of it */
  readonly keys = new Map<string, Set<string>>();
  /** `address key` → how often a record was made for it */
  readonly made = new Map<string, number>();
  #next = 0;
  minute = 0;

  constructor(machines: number, vips: readonly [number, number][]) {
    this.homes = Array.from({ length: machines }, (_, i) => `10.0.0.${i + 1}`);
    this.vips = vips.map((nodes, i) => ({ address: `10.0.1.${i + 1}`, nodes, on: nodes[0] }));
  }

  keyAt(address: string): number | undefined {
    const home = this.homes.indexOf(address);
    return home >= 0 ? home : this.vips.find((vip) => vip.address === address)?.on;
  }

  /** Everything that answers is looked at, in any order, and written down as the store does. */
  scan(order: (sightings: Sighting[]) => Sighting[]): void {
    this.minute += 60;
    const at = new Date(START + this.minute * 60_000).toISOString();
    const sightings = order(
      [...this.homes, ...this.vips.map(({ address }) => address)].map((address) => ({
        source: 'scan',
        address,
        at,
        identifiers: [{ kind: 'ssh-host-key', value: `K${this.keyAt(address)}` }],
      })),
    );
    const before = structuredClone(this.known);
    const decisions = reconcile(this.known, sightings, {
      newId: () => `h${++this.#next}`,
      alive: (address, { value }) => `K${this.keyAt(address)}` === value,
      ...stoodFor(this.faces),
    });
    for (const [index, { hostId, displaced, kind, why }] of decisions.entries()) {
      this.#take(sightings[index]!, hostId, displaced, kind);
      assert.notEqual(why, '');
      if (!['new', 'clone', 'replaced'].includes(kind)) continue;
      const place = `${sightings[index]!.address} K${this.keyAt(sightings[index]!.address)}`;
      this.made.set(place, (this.made.get(place) ?? 0) + 1);
    }
    for (const shown of shownBy(decisions, sightings, before, this.faces)) {
      const had = this.faces.get(shown.address) ?? [];
      const face = turned(had, shown);
      this.faces.set(shown.address, [...had.filter(({ identity }) => identity !== face.identity), face]);
    }
  }

  /** The node's agent has the address that is on it: what stands for the node there is that node. */
  enrol(vip: { address: string; on: number }): void {
    const at = (address: string) => this.known.find((host) => host.addresses.some((one) => one.address === address));
    const [home, there] = [at(this.homes[vip.on]!), at(vip.address)];
    const isOne = there?.identifiers.every(({ value }) => value === `K${vip.on}`);
    if (!home || !there || !isOne || home === there || !home.identifiers.some(({ value }) => value === `K${vip.on}`))
      return;
    this.known = this.known.filter((host) => host !== there);
    home.addresses.push({ address: vip.address, how: 'measured' });
    for (const [address, faces] of this.faces)
      this.faces.set(
        address,
        faces.map((face) => (face.recordId === there.id ? { ...face, mergedInto: home.id } : face)),
      );
  }

  #take({ address, identifiers }: Sighting, id: string, displaced: string[], kind: string): void {
    let host = this.known.find((one) => one.id === id);
    if (!host) this.known.push((host = { id, name: id, management: 'unmanaged', identifiers: [], addresses: [] }));
    for (const other of this.known)
      if (displaced.includes(other.id)) other.addresses = other.addresses.filter((one) => one.address !== address);
    if (kind === 'moved') host.addresses = [];
    host.addresses = [...host.addresses.filter((one) => one.address !== address), { address, how: 'measured' }];
    for (const one of identifiers)
      if (!host.identifiers.some(({ value }) => value === one.value)) host.identifiers.push(one);
    const keys = this.keys.get(id) ?? new Set();
    this.keys.set(id, keys);
    for (const { value } of identifiers) keys.add(value);
  }
}

const Step = fc.oneof(
  fc.record({ is: fc.constant('scan' as const), seed: fc.nat(1000) }),
  fc.record({ is: fc.constant('fail-over' as const), vip: fc.nat(1) }),
  fc.record({ is: fc.constant('lease' as const), one: fc.nat(5), other: fc.nat(5) }),
);
const shuffled = (seed: number) => (sightings: Sighting[]) =>
  sightings.toSorted(
    (a, b) =>
      ((a.address.length * 31 + seed * Number(a.address.at(-1))) % 7) -
      ((b.address.length * 31 + seed * Number(b.address.at(-1))) % 7),
  );

test('whatever fails over and whoever gets another lease: no two machines are one, and only what moves between machines is shared', () => {
  fc.assert(
    fc.property(fc.array(Step, { maxLength: 30 }), (steps) => {
      // Machines 0 to 3 carry the addresses that move and keep their own; 4 and 5 come and go by DHCP.
      const world = new World(6, [
        [0, 1],
        [2, 3],
      ]);
      const seenOn = world.vips.map(() => new Set<number>());
      for (const step of steps) {
        if (step.is === 'fail-over') {
          const vip = world.vips[step.vip]!;
          vip.on = vip.nodes.find((node) => node !== vip.on)!;
        } else if (step.is === 'lease') {
          const [a, b] = [4 + (step.one % 2), 4 + (step.other % 2)];
          [world.homes[a], world.homes[b]] = [world.homes[b]!, world.homes[a]!];
        } else {
          world.scan(shuffled(step.seed));
          for (const [i, vip] of world.vips.entries()) seenOn[i]!.add(vip.on);
        }
      }
      for (const [id, keys] of world.keys) assert.equal(keys.size, 1, `${id} is ${[...keys].join()}`);
      const holders = Map.groupBy(
        world.known.flatMap(({ id, identifiers }) =>
          identifiers.map(({ value }) => ({ id, key: `ssh-host-key ${value}` })),
        ),
        ({ key }) => key,
      );
      const shared = sharedOf(world.faces, new Map([...holders].map(([key, some]) => [key, some.map(({ id }) => id)])));
      const expected = world.vips.filter((_, i) => seenOn[i]!.size === 2).map(({ address }) => address);
      assert.deepEqual([...shared.keys()].toSorted(), expected.toSorted());
      for (const vip of world.vips) {
        const one = shared.get(vip.address);
        if (!one) continue;
        const keys = one.members.flatMap((id) => [...world.keys.get(id)!]);
        assert.deepEqual(
          keys.toSorted(),
          vip.nodes.map((node) => `K${node}`),
        );
        // Members are machines with a home of their own; the record at the address is none.
        for (const host of world.known) {
          const now = host.addresses.map(({ address }) => address);
          const only = isOnlyShared({ id: host.id, now, ever: now }, shared);
          if (one.members.includes(host.id)) assert.equal(only, null);
          else if (now.length === 1 && now[0] === vip.address) assert.equal(only, one);
        }
      }
    }),
    { numRuns: 120 },
  );
});

test('who answers in turn within minutes is behind a load balancer; who takes over once in a while is not', () => {
  const play = (gap: number): Face[] => {
    let faces: Face[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      const identity = turn % 2 ? 'mac b' : 'mac a';
      const at = new Date(START + turn * gap * 60_000);
      const face = turned(faces, { address: '10.0.1.1', identity, recordId: `at-${identity}`, how: 'looked', at });
      faces = [...faces.filter((one) => one.identity !== identity), face];
    }
    return faces;
  };
  const kindOf = (faces: Face[]) => sharedOf(new Map([['10.0.1.1', faces]]), new Map()).get('10.0.1.1')?.kind;
  assert.equal(kindOf(play(5)), 'load-balancer');
  assert.equal(kindOf(play(24 * 60)), 'vip');
  assert.equal(kindOf(play(5).slice(0, 1)), undefined, 'one face may be a copy, and is a machine');
});

test('whatever an address shows in turn, and whoever’s agent says that it is theirs: one record an identity, none at each turn', () => {
  const Turn = fc.oneof(
    fc.record({ is: fc.constant('turn' as const), vip: fc.nat(1), seed: fc.nat(1000) }),
    fc.record({ is: fc.constant('enrol' as const), vip: fc.nat(1), seed: fc.nat(1000) }),
  );
  fc.assert(
    fc.property(fc.array(Turn, { maxLength: 24 }), (turns) => {
      const world = new World(4, [
        [0, 1],
        [1, 2],
      ]);
      world.scan((all) => all);
      for (const { is, vip: n, seed } of turns) {
        const vip = world.vips[n]!;
        if (is === 'enrol') world.enrol(vip);
        else vip.on = vip.nodes.find((node) => node !== vip.on)!;
        world.scan(shuffled(seed));
      }
      for (const [place, times] of world.made) assert.equal(times, 1, `${place} was new ${times} times`);
      for (const [id, keys] of world.keys) assert.equal(keys.size, 1, `${id} is ${[...keys].join()}`);
      const alive = world.homes.map((home) => world.known.find((h) => h.addresses.some((a) => a.address === home))!.id);
      assert.equal(new Set(alive).size, 4, 'each machine at its own address is a host of its own');
    }),
    { numRuns: 100 },
  );
});

test('late news turns nothing back', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }), (order) => {
      let faces: Face[] = [];
      for (const n of order) {
        const shown = { address: 'x', identity: n % 2 ? 'b' : 'a', recordId: `r${n % 2}`, how: 'looked' as const };
        const face = turned(faces, { ...shown, at: new Date(START + n * 86_400_000) });
        faces = [...faces.filter(({ identity }) => identity !== face.identity), face];
      }
      const span = (id: string) =>
        faces
          .filter(({ identity }) => identity === id)
          .map(({ firstAt, lastAt }) => [firstAt, lastAt].map((at) => (at.getTime() - START) / 86_400_000));
      assert.deepEqual([span('a'), span('b')], [[[0, 4]], [[1, 5]]]);
      assert.equal(sharedOf(new Map([['x', faces]]), new Map()).get('x')?.kind, 'vip');
    }),
    { numRuns: 50 },
  );
});

test('an agent carries an address beside its own only in one subnet', () => {
  assert.deepEqual(besideOwn(['10.0.0.1', '192.168.1.7']), []);
  assert.deepEqual(besideOwn(['10.0.0.1', '10.0.0.100', '192.168.1.7']), ['10.0.0.1', '10.0.0.100']);
  assert.deepEqual(besideOwn(['2001:db8:0:1::1', '2001:db8:0:2::1']), []);
});

test('1.9: a machine that moves is its own record, and not the one that stood for it at an address of several', () => {
  const identifiers = [{ kind: 'ssh-host-key' as const, value: 'K1' }];
  const at = new Date(START).toISOString();
  const host = (id: string, addresses: string[]): KnownHost => ({
    id,
    name: id,
    management: 'unmanaged',
    identifiers,
    addresses: addresses.map((address) => ({ address, how: 'measured' as const })),
  });
  const face = (recordId: string, identity: string): Face => ({
    address: '10.0.1.1',
    identity,
    recordId,
    how: 'looked',
    quick: 0,
    firstAt: new Date(START),
    lastAt: new Date(START),
  });
  const faces = new Map([['10.0.1.1', [face('beside', 'ssh-host-key K1'), face('other', 'ssh-host-key K2')]]]);
  const moved = (known: KnownHost[]): string =>
    reconcile(known, [{ source: 'scan', address: '10.0.0.9', at, identifiers }], {
      newId: () => 'new',
      alive: () => false,
      ...stoodFor(faces),
    })[0]!.hostId;
  const own = host('own', []);
  for (const order of [(a: KnownHost[]) => a, (a: KnownHost[]) => a.toReversed()]) {
    assert.equal(moved(order([own, host('beside', ['10.0.1.1'])])), 'own', 'where it was somebody else answers now');
    assert.equal(moved(order([own, host('beside', [])])), 'own');
    // It has moved on from there before, and is a machine since.
    assert.equal(moved(order([own, host('beside', ['10.0.0.8'])])), 'beside');
  }
  assert.equal(moved([host('beside', ['10.0.1.1'])]), 'beside', 'nobody else is known');
});
