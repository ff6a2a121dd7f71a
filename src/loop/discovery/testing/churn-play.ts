import { systemActor } from '../../../model/actor.ts';
import type { Identifier, Sighting } from '../../../model/estate.ts';
import type { SshProbe } from '../../../model/probe.ts';
import type { Platform, Tx } from '../../../platform/context.ts';
import { askable } from '../identity.ts';
import type { Discovery } from '../index.ts';
import type { Decision } from '../logic/reconcile.ts';
import { questions } from '../logic/reconcile.ts';
import { countOffline } from '../results.ts';
import { recordLooks } from '../looks.ts';
import { recordSightings } from '../sightings.ts';
import { hostsAround } from '../store-around.ts';
import { type ChurnWorld, type Doubt, type Machine, type Seen, truthOf } from './churn-world.ts';

/** How a history went. Where nobody could have known better, it is counted by the reason. */
export interface Verdict {
  sightings: number;
  hosts: number;
  merged: string[];
  duplicates: string[];
  falseNew: string[];
  falseOffline: string[];
  unexplained: string[];
  /** really new: each machine once, and each that was built anew */
  trulyNew: number;
  apart: Map<Doubt, { machines: Set<string>; merged: number; duplicates: number }>;
}

const actor = systemActor('churn');

/** Plays a world against the real reconciliation: scans in portions, agents that enrol and tell facts. */
export class ChurnPlay {
  readonly verdict: Verdict = {
    sightings: 0,
    hosts: 0,
    merged: [],
    duplicates: [],
    falseNew: [],
    falseOffline: [],
    unexplained: [],
    trulyNew: 0,
    apart: new Map(),
  };
  readonly #platform: Platform;
  readonly #discovery: Discovery;
  readonly #world: ChurnWorld;
  readonly #portion: number;
  /** what is true → the host it was last */
  readonly #known = new Map<string, string>();
  readonly #endpoints = new Set<string>();

  constructor(platform: Platform, discovery: Discovery, world: ChurnWorld, portion = 512) {
    this.#platform = platform;
    this.#discovery = discovery;
    this.#world = world;
    this.#portion = portion;
  }

  /** One scan over everything, agents’ news before it. */
  async round(): Promise<void> {
    // Machines are found before anybody puts agents on them.
    if (this.verdict.sightings > 0) await this.agents();
    const seen = this.#world.scan();
    const hosts = new Map<Seen, string>();
    for (let from = 0; from < seen.length; from += this.#portion) {
      const some = seen.slice(from, from + this.#portion);
      const decisions = await this.#store(some);
      for (const [index, one] of some.entries()) {
        hosts.set(one, decisions[index]!.hostId);
        this.#alert(one, decisions[index]!);
      }
    }
    this.verdict.sightings += seen.length;
    await this.#judge(hosts);
    await this.#offline(seen);
  }

  async #store(some: readonly Seen[]): Promise<Decision[]> {
    const sightings = some.map(({ sighting }) => sighting);
    const asked = new Set(askable(questions(await hostsAround(this.#platform.db, sightings), sightings)));
    const alive = (address: string, identifier: Identifier): boolean =>
      asked.has(address) && this.#world.alive(address, identifier);
    return this.#platform.observe(actor, async (tx) => {
      const decisions = await recordSightings(this.#platform, tx, sightings, alive);
      for (const [index, { hostId }] of decisions.entries()) await this.#look(tx, hostId, sightings[index]!);
      return decisions;
    });
  }

  /** What serves there is written down once a host and address: it is what may fall silent. */
  async #look(tx: Tx, hostId: string, { address, at, identifiers }: Sighting): Promise<void> {
    const place = `${hostId} ${address}`;
    if (this.#endpoints.has(place)) return;
    this.#endpoints.add(place);
    const result: SshProbe = {
      protocol: 'ssh',
      banner: 'SSH-2.0-OpenSSH_9.2p1',
      hostKeys: identifiers.map(({ value }) => ({ type: 'ssh-ed25519', fingerprint: value })),
      algorithms: { kex: [], hostKey: [], cipher: [], mac: [] },
    };
    await recordLooks(this.#platform, tx, hostId, [{ address, port: 22, at: new Date(at), result, error: null }]);
  }

  /** Agents enrol, and tell at once when their machine has other addresses or keys. */
  async agents(): Promise<void> {
    for (const machine of this.#world.machines) {
      const { agent } = machine;
      if (!agent?.isStale || !this.#world.isOn(machine)) continue;
      agent.isStale = false;
      const addresses = [...(machine.inside.length > 0 ? machine.inside : machine.addresses)];
      const identifiers: Identifier[] = [
        { kind: 'agent-key', value: agent.key },
        { kind: 'machine-id', value: agent.machineId },
        ...this.#world.keysAt(machine),
      ];
      const hostname = `m${machine.id}`;
      const known = this.#known.get(truthOf(machine));
      if (agent.hostId) {
        const { hostId } = agent;
        await this.#platform.observe(actor, (tx) =>
          this.#discovery.updateIdentity(tx, hostId, { hostname, identifiers, addresses }),
        );
        continue;
      }
      const { id } = agent;
      agent.hostId = await this.#platform.act(
        actor,
        { type: 'enrollment.agent.enrolled', subject: { kind: 'agent', id } },
        (tx) =>
          this.#discovery.attachAgent(tx, {
            agentId: id,
            version: '1.0.0',
            hostname,
            identifiers,
            addresses,
            expectedHostId: null,
          }),
      );
      this.#expect(machine, known, agent.hostId);
    }
  }

  #expect(machine: Machine, known: string | undefined, hostId: string): void {
    if (known === undefined) this.verdict.trulyNew++;
    else if (known !== hostId && machine.inside.length === 0 && !machine.doubt)
      this.#note('duplicates', machine.doubt, `an agent on ${known} made ${hostId}`);
    this.#known.set(truthOf(machine), hostId);
    // The machine has told all its addresses: now they can be known for one.
    if (machine.doubt === 'several addresses, no agent') machine.doubt = null;
  }

  #alert({ truth, doubt }: Seen, { kind, why, hostId }: Decision): void {
    if (why === '') this.verdict.unexplained.push(`${hostId}: ${kind}`);
    if (!['new', 'clone', 'replaced'].includes(kind)) return;
    if (!this.#known.has(truth)) this.verdict.trulyNew++;
    else if (!doubt) this.verdict.falseNew.push(`hour ${this.#world.hour}: ${truth} ${kind}: ${why}`);
  }

  /** Every address of a machine is its host, and no host is two machines. */
  async #judge(hosts: ReadonlyMap<Seen, string>): Promise<void> {
    const holders = new Map<string, Seen>();
    const now = new Map<string, string>();
    for (const [seen, id] of hosts) {
      const { truth, doubt, sighting } = seen;
      const holder = holders.get(id);
      if (holder && holder.truth !== truth)
        this.#note('merged', doubt ?? holder.doubt, `${truth} and ${holder.truth} are ${id}`);
      else holders.set(id, seen);
      const before = now.get(truth) ?? this.#known.get(truth);
      if (before !== undefined && before !== id)
        this.#note('duplicates', doubt, `${truth} at ${sighting.address} is ${id}, and was ${before}`);
      now.set(truth, id);
      this.#known.set(truth, id);
      if (doubt) this.#apart(doubt).machines.add(truth);
    }
    this.verdict.hosts = (await this.#discovery.hosts()).length;
  }

  #note(what: 'merged' | 'duplicates', doubt: Doubt | null, text: string): void {
    if (doubt) this.#apart(doubt)[what]++;
    else this.verdict[what].push(`hour ${this.#world.hour}: ${text}`);
  }

  #apart(doubt: Doubt) {
    const found = this.verdict.apart.get(doubt) ?? { machines: new Set<string>(), merged: 0, duplicates: 0 };
    this.verdict.apart.set(doubt, found);
    return found;
  }

  async #offline(seen: readonly Seen[]): Promise<void> {
    const since = this.#world.at;
    await this.#platform.observe(actor, (tx) => countOffline(tx, { since, ports: [22], inScan: () => true }));
    const there = new Map(seen.map(({ truth }) => [this.#known.get(truth), truth]));
    for (const host of await this.#discovery.hosts()) {
      const truth = there.get(host.id);
      if (host.presence === 'offline' && truth !== undefined)
        this.verdict.falseOffline.push(`hour ${this.#world.hour}: ${truth} is ${host.id}`);
    }
  }
}
