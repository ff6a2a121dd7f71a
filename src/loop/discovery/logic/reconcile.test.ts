import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identifier, Sighting, SourceName } from '../../../model/estate.ts';
import { type Decision, isMeasured, type KnownHost, questions, reconcile } from './reconcile.ts';
import { strong } from './strong.ts';

const AT = '2030-01-01T00:00:00.000Z';
const key = (value: string): Identifier => ({ kind: 'ssh-host-key', value });
const machine = (value: string): Identifier => ({ kind: 'machine-id', value });
const sees = (address: string, identifiers: Identifier[] = [], source: SourceName = 'scan'): Sighting => ({
  source,
  address,
  at: AT,
  identifiers,
});
const host = (id: string, addresses: string[], identifiers: Identifier[] = []): KnownHost => ({
  id,
  name: id,
  management: 'unmanaged',
  identifiers,
  addresses: addresses.map((address) => ({ address, how: 'measured' })),
});

function decide(
  hosts: KnownHost[],
  sightings: Sighting[],
  alive: (address: string) => boolean = () => false,
): Decision[] {
  let next = 0;
  return reconcile(hosts, sightings, { newId: () => `new${++next}`, alive });
}

test('1.5: a machine that changed its address stays the same host', () => {
  const [decision] = decide([host('a', ['10.0.0.1'], [key('K')])], [sees('10.0.0.7', [key('K')])]);
  assert.equal(decision?.hostId, 'a');
  assert.equal(decision?.kind, 'moved');
  assert.deepEqual(decision?.from, ['10.0.0.1']);
});

test('the same key at the same address of two sites is two machines; a machine at both has other addresses there', () => {
  for (const [here, there] of [
    ['192.168.1.1', '192.168.1.1@berlin'],
    ['192.168.1.1@berlin', '192.168.1.1'],
  ] as const) {
    const known = host('a', [here], [key('K')]);
    const [twin] = decide([known], [sees(there, [key('K')])]);
    assert.deepEqual([twin?.kind, twin?.cloneOf, twin?.displaced], ['clone', 'a', []]);
    // And each is itself the next time.
    const both = [known, host('b', [there], [key('K')])];
    const again = decide(both, [sees(here, [key('K')]), sees(there, [key('K')])]);
    assert.deepEqual(
      again.map(({ hostId, kind }) => [hostId, kind]),
      [
        ['a', 'seen'],
        ['b', 'seen'],
      ],
    );
  }
  const [afar] = decide([host('a', ['10.0.0.5@berlin'], [key('K')])], [sees('192.168.1.1', [key('K')])]);
  assert.deepEqual([afar?.hostId, afar?.kind], ['a', 'seen']);
  // What agents say knows of no site.
  const [told] = decide([host('a', ['10.0.0.5@berlin'], [key('K')])], [sees('10.0.0.5', [key('K')], 'agent')]);
  assert.deepEqual([told?.hostId, told?.kind], ['a', 'seen']);
});

test('who only claims an address and was measured nowhere is who a scanner of a site sees there', () => {
  const claims = (id: string, measured: string[] = []): KnownHost => ({
    ...host(id, measured, [machine(id)]),
    addresses: [...host(id, measured).addresses, { address: '10.65.0.3', how: 'claimed' }],
  });
  const [found] = decide([claims('a')], [sees('10.65.0.3@berlin')]);
  assert.deepEqual([found?.hostId, found?.kind], ['a', 'seen']);
  const [contradicted] = decide([claims('a')], [sees('10.65.0.3@berlin', [machine('another')])]);
  assert.equal(contradicted?.kind, 'new');
  assert.equal(decide([claims('a', ['10.9.9.9'])], [sees('10.65.0.3@berlin')])[0]?.kind, 'new');
  assert.equal(decide([host('a', ['10.65.0.3'])], [sees('10.65.0.3@berlin')])[0]?.kind, 'new');
});

test('two machines that swapped their addresses stay who they are', () => {
  const hosts = [host('a', ['10.0.0.1'], [key('A')]), host('b', ['10.0.0.2'], [key('B')])];
  const decisions = decide(hosts, [sees('10.0.0.1', [key('B')]), sees('10.0.0.2', [key('A')])]);
  assert.deepEqual(
    decisions.map((d) => d.hostId),
    ['b', 'a'],
  );
});

test('1.6: the same host key on two addresses at once is two hosts, and says so', () => {
  const decisions = decide(
    [host('a', ['10.0.0.1'], [key('K')])],
    [sees('10.0.0.1', [key('K')]), sees('10.0.0.2', [key('K')])],
  );
  assert.equal(decisions[0]?.hostId, 'a');
  assert.equal(decisions[1]?.kind, 'clone');
  assert.equal(decisions[1]?.cloneOf, 'a');
  assert.match(decisions[1]?.why ?? '', /cloned identity.*10\.0\.0\.1/);
});

test('a clone seen in another batch than its original is found by asking the earlier address', () => {
  const hosts = [host('a', ['10.0.0.1'], [key('K')])];
  const sighting = sees('10.0.0.2', [key('K')]);
  assert.deepEqual(questions(hosts, [sighting]), [{ address: '10.0.0.1', identifier: key('K') }]);
  assert.equal(decide(hosts, [sighting], (address) => address === '10.0.0.1')[0]?.kind, 'clone');
  assert.equal(decide(hosts, [sighting], () => false)[0]?.kind, 'moved');
});

test('who is seen where it is known to be is asked for nowhere else, however many have its key', () => {
  const image = key('baked into the image');
  const hosts = Array.from({ length: 50 }, (_, n) => host(`h${n}`, [`10.0.0.${n}`], [image]));
  assert.deepEqual(questions(hosts, [sees('10.0.0.7', [image])]), []);
  assert.equal(questions(hosts, [sees('10.0.1.7', [image])]).length, 50, 'a new one is a copy of any of them');
  const rebuilt = host('r', ['10.0.2.1'], [image, machine('M')]);
  assert.equal(questions([...hosts, rebuilt], [sees('10.0.2.1', [image, machine('N')])]).length, 50);
});

/** Everywhere else that an identity which is seen was measured. */
const everywhere = (hosts: readonly KnownHost[], sightings: readonly Sighting[]): Set<string> =>
  new Set(
    sightings.flatMap(({ address: here, identifiers }) =>
      identifiers.flatMap(({ value }) =>
        hosts
          .filter((one) => one.identifiers.some((own) => own.value === value))
          .flatMap((one) => one.addresses.filter(({ address }) => address !== here))
          .map(({ address }) => `${address} ${value}`),
      ),
    ),
  );

test('what is not asked decides nothing: whoever asks everywhere comes to the same', () => {
  const places = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.2@berlin'];
  const shown = fc.uniqueArray(fc.constantFrom(key('K'), key('L'), machine('M'), machine('N')), { maxLength: 2 });
  const known = fc.array(fc.tuple(fc.uniqueArray(fc.constantFrom(...places), { maxLength: 2 }), shown), {
    maxLength: 5,
  });
  const looks = fc.uniqueArray(fc.tuple(fc.constantFrom(...places), shown), { selector: ([place]) => place });
  let [copies, spared] = [0, 0];
  fc.assert(
    fc.property(known, looks, fc.uniqueArray(fc.constantFrom(...places)), (of, seen, living) => {
      const hosts = of.map(([at, identifiers], n) => host(`h${n}`, at, identifiers));
      const sightings = seen.map(([place, identifiers]) => sees(place, identifiers));
      const decided = (asked: ReadonlySet<string>): Decision[] => {
        let next = 0;
        const alive = (address: string, { value }: Identifier): boolean =>
          living.includes(address) && asked.has(`${address} ${value}`);
        return reconcile(hosts, sightings, { newId: () => `new${next++}`, alive });
      };
      const asked = questions(hosts, sightings).map(({ address, identifier }) => `${address} ${identifier.value}`);
      const all = everywhere(hosts, sightings);
      const decisions = decided(all);
      assert.deepEqual(decided(new Set(asked)), decisions);
      copies += decisions.filter(({ kind }) => kind === 'clone').length;
      spared += all.size - new Set(asked).size;
    }),
    { numRuns: 2000 },
  );
  assert.ok(copies > 50 && spared > 50, `${copies} copies, ${spared} questions spared`);
});

test('an address alone refreshes a host only while nothing contradicts', () => {
  const hosts = [host('a', ['10.0.0.1'], [key('K')])];
  assert.equal(decide(hosts, [sees('10.0.0.1')])[0]?.hostId, 'a');
  assert.equal(decide(hosts, [sees('10.0.0.1', [machine('M')])])[0]?.hostId, 'a');
  assert.notEqual(decide(hosts, [sees('10.0.0.1', [key('L')])])[0]?.hostId, 'a');
});

test('a machine built anew at its address is a new host that replaces the old one', () => {
  const [decision] = decide([host('a', ['10.0.0.1'], [key('K')])], [sees('10.0.0.1', [key('L')])]);
  assert.equal(decision?.kind, 'replaced');
  assert.equal(decision?.replaces, 'a');
  assert.deepEqual(decision?.displaced, ['a']);
});

test('an address given to another machine is no replacement when the old one lives elsewhere', () => {
  const decisions = decide(
    [host('a', ['10.0.0.1'], [key('K')])],
    [sees('10.0.0.1', [key('L')]), sees('10.0.0.9', [key('K')])],
  );
  assert.equal(decisions[0]?.kind, 'new');
  assert.equal(decisions[0]?.replaces, null);
  assert.equal(decisions[1]?.hostId, 'a');
});

test('a stronger identifier outweighs a weaker one: new SSH keys, same machine-id, same host', () => {
  const [decision] = decide(
    [host('a', ['10.0.0.1'], [machine('M'), key('K')])],
    [sees('10.0.0.1', [machine('M'), key('L')], 'agent')],
  );
  assert.equal(decision?.hostId, 'a');
});

test('the same host key with another machine-id elsewhere is another machine', () => {
  const hosts = [host('a', ['10.0.0.1'], [machine('M'), key('K')])];
  const [decision] = decide(hosts, [sees('10.0.0.2', [machine('N'), key('K')], 'agent')]);
  assert.notEqual(decision?.hostId, 'a');
});

test('a shared TLS key merges nothing', () => {
  const tls: Identifier = { kind: 'tls-key', value: 'T' };
  const [decision] = decide([host('a', ['10.0.0.1'], [tls])], [sees('10.0.0.2', [tls])]);
  assert.equal(decision?.kind, 'new');
});

test('1.10: a claimed address takes nobody’s measured place', () => {
  const decisions = decide(
    [host('a', ['10.0.0.1'], [key('A')]), host('b', ['10.0.0.2'], [key('B')])],
    [sees('10.0.0.1', [key('B')], 'agent')],
  );
  assert.deepEqual(decisions[0]?.displaced, []);
});

// A small world of machines, against which many histories are played.

interface Machine {
  key: string | null;
  address: string;
  /** identity that no other living machine shares */
  unique: boolean;
}

type Event =
  | { kind: 'move'; who: number; to: number }
  | { kind: 'swap'; who: number; with: number }
  | { kind: 'reimage'; who: number }
  | { kind: 'clone'; who: number; to: number }
  | { kind: 'add'; to: number; mute: boolean }
  | { kind: 'remove'; who: number };

const small = fc.nat({ max: 30 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), who: small, to: small }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('swap' as const), who: small, with: small }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reimage' as const), who: small }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clone' as const), who: small, to: small }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), to: small, mute: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), who: small }) },
);

class World {
  machines: Machine[] = [];
  #keys = 0;

  apply(e: Event): void {
    if (e.kind === 'add') return this.#add(e.to, e.mute);
    const who = this.#at(e.who);
    if (!who) return;
    if (e.kind === 'move' && this.#free(e.to)) who.address = `10.0.0.${e.to}`;
    if (e.kind === 'swap') {
      const other = this.#at(e.with)!;
      [who.address, other.address] = [other.address, who.address];
    }
    if (e.kind === 'reimage' && who.key) Object.assign(who, { key: `K${++this.#keys}`, unique: true });
    if (e.kind === 'clone') this.#clone(who, e.to);
    if (e.kind === 'remove') this.machines = this.machines.filter((m) => m !== who);
  }

  #at(n: number): Machine | undefined {
    return this.machines[n % Math.max(1, this.machines.length)];
  }

  #free(n: number): boolean {
    return !this.machines.some((m) => m.address === `10.0.0.${n}`);
  }

  #add(to: number, mute: boolean): void {
    if (!this.#free(to)) return;
    this.machines.push({ key: mute ? null : `K${++this.#keys}`, address: `10.0.0.${to}`, unique: true });
  }

  #clone(who: Machine, to: number): void {
    if (!who.key || !this.#free(to)) return;
    who.unique = false;
    this.machines.push({ ...who, address: `10.0.0.${to}` });
  }

  sightings(): Sighting[] {
    return this.machines.map((m) => sees(m.address, m.key ? [key(m.key)] : []));
  }

  alive(address: string, identifier: Identifier): boolean {
    return this.machines.some((m) => m.address === address && m.key === identifier.value);
  }
}

/** Keeps hosts as the store does: whoever is displaced leaves, whoever moved left its place. */
function settle(hosts: Map<string, KnownHost>, sightings: Sighting[], decisions: Decision[]): void {
  for (const [index, decision] of decisions.entries()) {
    const { address } = sightings[index]!;
    if (!hosts.has(decision.hostId)) hosts.set(decision.hostId, host(decision.hostId, []));
    const leave = (id: string, places: string[]): void => {
      const one = hosts.get(id)!;
      one.addresses = one.addresses.filter((a) => !places.includes(a.address));
    };
    for (const id of decision.displaced) leave(id, [address]);
    leave(decision.hostId, decision.from);
  }
  for (const [index, decision] of decisions.entries()) {
    const { address, identifiers } = sightings[index]!;
    const one = hosts.get(decision.hostId)!;
    assert.ok(isMeasured(sightings[index]!));
    if (!one.addresses.some((a) => a.address === address)) one.addresses.push({ address, how: 'measured' });
    for (const i of identifiers) if (!one.identifiers.some((o) => o.value === i.value)) one.identifiers.push(i);
  }
}

test('M.11: whatever machines do, none are merged and none is counted twice', () => {
  const history = fc.array(fc.array(event, { maxLength: 6 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(history, fc.boolean(), (rounds, piecemeal) => {
      const world = new World();
      const hosts = new Map<string, KnownHost>();
      /** key of an identity that was never copied → its host */
      const known = new Map<string, string>();
      let ids = 0;
      for (const events of rounds) {
        for (const e of events) world.apply(e);
        const sightings = world.sightings();
        const batches = piecemeal ? sightings.map((s) => [s]) : [sightings];
        const now = new Map<string, string>();
        for (const batch of batches) {
          const around = { newId: () => `h${++ids}`, alive: world.alive.bind(world) };
          const decisions = reconcile([...hosts.values()], batch, around);
          settle(hosts, batch, decisions);
          for (const [i, s] of batch.entries()) now.set(s.address, decisions[i]!.hostId);
        }
        // A mute machine is only its address: seen apart from the one that left it, it may pass for that one once.
        const told = world.machines.filter((m) => m.key !== null || !piecemeal);
        const held = told.map((m) => now.get(m.address)!);
        assert.equal(new Set(held).size, told.length, 'two machines became one host');
        for (const m of world.machines.filter((one) => one.key !== null && one.unique)) {
          const id = now.get(m.address)!;
          const before = known.get(m.key!);
          if (before !== undefined) assert.equal(id, before, `machine ${m.key} was counted twice`);
          known.set(m.key!, id);
        }
        for (const m of world.machines.filter((one) => !one.unique)) known.delete(m.key!);
        for (const one of hosts.values())
          assert.ok(new Set(one.addresses.map((a) => a.address)).size === one.addresses.length);
        const places = [...hosts.values()].flatMap((one) => one.addresses.map((a) => a.address));
        assert.equal(new Set(places).size, places.length, 'an address has two holders');
      }
    }),
    { numRuns: 400 },
  );
});

/** Settles what a list said: claims, which take nothing from anybody. */
function settleListed(hosts: Map<string, KnownHost>, sightings: Sighting[], decisions: Decision[]): void {
  for (const [index, { hostId, displaced, from, kind }] of decisions.entries()) {
    const { address, identifiers } = sightings[index]!;
    assert.deepEqual({ displaced, from }, { displaced: [], from: [] }, 'a list took somebody’s place');
    assert.ok(kind === 'new' || kind === 'seen' || kind === 'listed', `a list decided ${kind}`);
    if (!hosts.has(hostId)) hosts.set(hostId, host(hostId, []));
    const one = hosts.get(hostId)!;
    if (!one.addresses.some((a) => a.address === address)) one.addresses.push({ address, how: 'claimed' });
    for (const i of identifiers) if (!one.identifiers.some((o) => o.value === i.value)) one.identifiers.push(i);
  }
}

/** A copy that stands where a list says that the original is, with its key: that is what one machine looks like. */
function assertApart(machines: readonly Machine[], now: ReadonlyMap<string, string>): void {
  for (const m of machines.filter((each) => each.unique)) {
    const there = machines.filter((each) => now.get(each.address) === now.get(m.address));
    assert.equal(there.length, 1, 'two machines became one host');
  }
}

/** A machine where it was once, and at an address that is not its own. */
function lateAndWrong(
  then: { key: string; address: string }[],
  { who, wrong }: { who: number; wrong: number },
): Sighting[] {
  const machine = then[who % Math.max(1, then.length)];
  if (!machine) return [];
  const id: Identifier = { kind: 'cloud-id', value: `cloud:${machine.key}` };
  return [...new Set([machine.address, `10.0.0.${wrong}`])].map((at) => sees(at, [id], 'aws'));
}

test('1.10, M.11: lists that are late or wrong merge nobody, move nobody and end nobody', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.array(event, { maxLength: 5 }) },
    // What a cloud says of a machine: where it was a while ago, and an address that is not its own.
    { weight: 2, arbitrary: fc.record({ back: fc.nat({ max: 4 }), wrong: small, who: small }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 16 }), fc.boolean(), (steps, piecemeal) => {
      const world = new World();
      const hosts = new Map<string, KnownHost>();
      const known = new Map<string, string>();
      const past: { key: string; address: string }[][] = [];
      let ids = 0;
      const around = { newId: () => `h${++ids}`, alive: world.alive.bind(world) };
      for (const one of steps) {
        if (!Array.isArray(one)) {
          const told = lateAndWrong(past.at(-1 - one.back) ?? [], one);
          settleListed(hosts, told, reconcile([...hosts.values()], told, around));
          continue;
        }
        for (const e of one) world.apply(e.kind === 'add' ? { ...e, mute: false } : e);
        const sightings = world.sightings();
        const now = new Map<string, string>();
        for (const batch of piecemeal ? sightings.map((s) => [s]) : [sightings]) {
          const decisions = reconcile([...hosts.values()], batch, around);
          settle(hosts, batch, decisions);
          for (const [i, s] of batch.entries()) now.set(s.address, decisions[i]!.hostId);
        }
        assertApart(world.machines, now);
        for (const m of world.machines.filter((each) => each.unique)) {
          const before = known.get(m.key!);
          if (before !== undefined) assert.equal(now.get(m.address), before, `machine ${m.key} was counted twice`);
          known.set(m.key!, now.get(m.address)!);
        }
        for (const m of world.machines.filter((each) => !each.unique)) known.delete(m.key!);
        past.push(world.machines.flatMap((m) => (m.unique ? [{ key: m.key!, address: m.address }] : [])));
      }
    }),
    { numRuns: 400 },
  );
});

test('a host never holds the keys of two machines that both were told apart', () => {
  const history = fc.array(fc.array(event, { maxLength: 6 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(history, (rounds) => {
      const world = new World();
      const hosts = new Map<string, KnownHost>();
      let ids = 0;
      for (const events of rounds) {
        for (const e of events) world.apply(e);
        const sightings = world.sightings();
        const decisions = reconcile([...hosts.values()], sightings, {
          newId: () => `h${++ids}`,
          alive: world.alive.bind(world),
        });
        settle(hosts, sightings, decisions);
      }
      for (const one of hosts.values())
        assert.ok(strong(one.identifiers).length <= 1, `${one.id}: ${JSON.stringify(one.identifiers)}`);
    }),
    { numRuns: 200 },
  );
});
