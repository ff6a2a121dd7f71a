import type { Identifier, Sighting } from '../../../model/estate.ts';

/**
 * An estate that lives: leases that change hands, machines that are built anew, copied, switched off, and what stands
 * between us and them. It knows what is true, so that what reconciliation makes of it can be judged.
 */

/** Why nobody could tell from outside which machine it is. Those are counted apart. */
export type Doubt =
  | 'mute'
  | 'shared key'
  | 'several addresses, no agent'
  | 'new keys, no agent'
  | 'moved before its balancer was known';

export interface Machine {
  id: number;
  /** grows when it becomes another machine for whoever looks: built anew */
  epoch: number;
  doubt: Doubt | null;
  keys: string[];
  addresses: string[];
  roams: boolean;
  agent: { id: string; key: string; machineId: string; hostId: string | null; isStale: boolean } | null;
  /** until which hour it is switched off */
  offUntil: number;
  /** addresses that only its agent knows: it stands behind a NAT */
  inside: string[];
}

export interface Seen {
  machine: Machine;
  sighting: Sighting;
  /** who answered: behind an address that several machines answer in turn, each of them is a record of its own */
  truth: string;
  doubt: Doubt | null;
}

const HOUR = 3_600_000;
const START = Date.UTC(2030, 0, 7);

/** Deterministic numbers from 0 to below 1 (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Looks until an address has shown several of those behind it, also if one is off. */
const TURNS_TO_TELL = 3;

export const truthOf = ({ id, epoch }: Machine): string => `${id}/${epoch}`;

export class ChurnWorld {
  readonly machines: Machine[] = [];
  hour = 0;
  readonly #random: () => number;
  readonly #free: string[] = [];
  readonly #leases: string[] = [];
  #ids = 0;
  #keys = 0;
  #turn = 0;

  constructor(seed: number, size: number) {
    this.#random = dice(seed);
    // A fifth more places than machines: leases are scarce, so they change hands.
    for (let n = size * 2; n > 0; n--) this.#free.push(`10.20.${n >> 8}.${n & 255}`);
    for (let n = Math.ceil(size * 0.4) + 5; n > 0; n--) this.#leases.push(`10.30.${n >> 8}.${n & 255}`);
    for (let n = 0; n < size; n++) this.#populate(n % 20);
    for (let n = 0; n < Math.ceil(size / 250); n++) this.#balancer();
  }

  get at(): Date {
    return new Date(START + this.hour * HOUR);
  }

  /** Of twenty machines, which is which. */
  #populate(n: number): void {
    if (n < 8) this.#add({ keys: this.#newKeys(), addresses: [this.#place()] });
    else if (n < 13) this.#add({ keys: this.#newKeys(), addresses: [this.#lease()], roams: true });
    else if (n < 16) this.#add({ keys: this.#newKeys(), addresses: this.#several(n), agent: n < 15 });
    else if (n < 17) this.#add({ keys: [], addresses: [this.#place()], doubt: 'mute' });
    else if (n < 18) this.#add({ keys: ['ssh-baked-into-the-image'], addresses: [this.#place()], doubt: 'shared key' });
    else if (n < 19) this.#add({ keys: this.#newKeys(), addresses: [this.#place()], agent: true, nat: true });
    else this.#add({ keys: this.#newKeys(), addresses: [this.#lease()], roams: true, agent: true });
  }

  #several(n: number): string[] {
    const first = this.#place();
    return n % 2 === 0 ? [first, this.#place()] : [first, `fd00:20::${(this.#ids + 1).toString(16)}`];
  }

  #add(what: {
    keys: string[];
    addresses: string[];
    doubt?: Doubt;
    roams?: boolean;
    agent?: boolean;
    nat?: boolean;
  }): Machine {
    const id = ++this.#ids;
    const machine: Machine = {
      id,
      epoch: 0,
      doubt: what.doubt ?? (what.addresses.length > 1 ? 'several addresses, no agent' : null),
      keys: what.keys,
      addresses: what.addresses,
      roams: what.roams ?? false,
      agent: what.agent ? this.#newAgent(id) : null,
      offUntil: 0,
      // Every site uses the same private addresses.
      inside: what.nat ? [`192.168.1.${10 + (id % 3)}`] : [],
    };
    this.machines.push(machine);
    return machine;
  }

  #newAgent(id: number): Machine['agent'] {
    const key = `agent-${id}-${++this.#keys}`;
    return { id: `agent_${key}`, key, machineId: `machine-${id}-${this.#keys}`, hostId: null, isStale: true };
  }

  /** One address, and behind it in turn whichever of three servers: what answers there has the key of one of them. */
  #balancer(): void {
    const taken = new Set([...this.#behind.values()].flat());
    const backends = this.machines
      .filter((m) => m.doubt === null && m.keys.length > 0 && !m.roams && !m.agent && !taken.has(m))
      .slice(-3);
    const balancer = this.#add({ keys: [], addresses: [this.#place()] });
    this.#behind.set(balancer, backends);
  }

  readonly #behind = new Map<Machine, Machine[]>();

  readonly #newKeys = (): string[] => [`rsa-${++this.#keys}`, `ed25519-${this.#keys}`];
  readonly #place = (): string => this.#free.pop()!;
  readonly #lease = (): string => this.#leases.splice(Math.floor(this.#random() * this.#leases.length), 1)[0]!;

  isOn = (machine: Machine): boolean => machine.offUntil <= this.hour;

  /** `hours` pass; what happens in them is drawn by chances a day. */
  pass(hours: number): void {
    for (let n = 0; n < hours; n++) {
      this.hour++;
      for (const machine of this.machines.slice()) this.#live(machine);
      if (this.#chance(0.002 * this.machines.length)) this.#populate(Math.floor(this.#random() * 20));
    }
  }

  readonly #chance = (perDay: number): boolean => this.#random() < perDay / 24;

  #live(machine: Machine): void {
    if (!this.isOn(machine)) return;
    if (machine.offUntil === this.hour) this.#wake(machine);
    const happens: [perDay: number, what: () => void][] = [
      [machine.roams ? 1 : 0, () => this.#sleep(machine, 4 + Math.floor(this.#random() * 12))],
      [0.01, () => this.#sleep(machine, 24 + Math.floor(this.#random() * 72))],
      [0.004, () => this.#rebuild(machine)],
      [0.004, () => this.#rotate(machine)],
      [0.002, () => this.#retire(machine)],
      [0.01, () => this.#enrol(machine)],
      [0.003, () => this.#swap(machine)],
    ];
    happens.find(([perDay]) => this.#chance(perDay))?.[1]();
  }

  /** Off: whoever roams gives its lease back, and somebody else gets it. */
  #sleep(machine: Machine, hours: number): void {
    if (this.#behind.has(machine)) return;
    machine.offUntil = this.hour + hours;
    if (!machine.roams) return;
    this.#leases.push(...machine.addresses);
    machine.addresses = [];
  }

  #wake(machine: Machine): void {
    if (!machine.roams || machine.addresses.length > 0) return;
    machine.addresses = [this.#lease()];
    this.#stale(machine);
  }

  readonly #stale = (machine: Machine): void => {
    if (machine.agent) machine.agent.isStale = true;
  };

  #rebuild(machine: Machine): void {
    if (machine.keys.length === 0 || machine.doubt === 'shared key') return;
    machine.epoch++;
    machine.keys = this.#newKeys();
    if (machine.agent) machine.agent = this.#newAgent(machine.id);
  }

  /** New host keys: one type after the other, or (rarely) all at once, which only an agent can tell from a new machine. */
  #rotate(machine: Machine): void {
    if (machine.keys.length < 2) return;
    const all = this.#random() < 0.3;
    machine.keys = all ? this.#newKeys() : [`rsa-${++this.#keys}`, machine.keys[1]!];
    if (all && !machine.agent) {
      machine.epoch++;
      machine.doubt = 'new keys, no agent';
    }
    this.#stale(machine);
  }

  #retire(machine: Machine): void {
    if (this.#behind.has(machine) || [...this.#behind.values()].some((all) => all.includes(machine))) return;
    this.machines.splice(this.machines.indexOf(machine), 1);
    (machine.roams ? this.#leases : this.#free).push(...machine.addresses.filter((one) => !one.includes(':')));
  }

  #enrol(machine: Machine): void {
    if (machine.agent || machine.keys.length === 0 || machine.doubt === 'shared key') return;
    machine.agent = this.#newAgent(machine.id);
  }

  #swap(machine: Machine): void {
    const other = this.machines.find(
      (one) =>
        one !== machine &&
        one.addresses.length === 1 &&
        one.keys.length > 1 &&
        this.isOn(one) &&
        !one.roams &&
        !one.doubt,
    );
    if (!other || machine.addresses.length !== 1 || machine.keys.length < 2 || machine.roams || machine.doubt) return;
    [machine.addresses, other.addresses] = [other.addresses, machine.addresses];
    for (const one of [machine, other]) {
      this.#stale(one);
      // One key at two addresses, both gone by now: which of them was the machine's own?
      if (this.#turn < TURNS_TO_TELL && !one.agent && [...this.#behind.values()].some((all) => all.includes(one)))
        one.doubt = 'moved before its balancer was known';
    }
  }

  /** Who answers there: the machine itself, or whose turn it is behind it. */
  #answering(machine: Machine): Machine {
    const behind = this.#behind.get(machine)?.filter(this.isOn) ?? [];
    return behind[this.#turn % behind.length] ?? machine;
  }

  keysAt(machine: Machine): Identifier[] {
    return this.#answering(machine).keys.map((value) => ({ kind: 'ssh-host-key', value: `SHA256:${value}` }));
  }

  #whoIs(machine: Machine): Pick<Seen, 'truth' | 'doubt'> {
    const there = this.#answering(machine);
    if (there === machine) return { truth: truthOf(machine), doubt: machine.doubt };
    return { truth: `${truthOf(machine)} with ${truthOf(there)} behind it`, doubt: there.doubt };
  }

  /** What a scan of everything sees now, in the order of its own. */
  scan(): Seen[] {
    this.#turn++;
    const at = this.at.toISOString();
    const all = this.machines.filter(this.isOn).flatMap((machine) =>
      machine.addresses.map((address): Seen & { place: number } => ({
        machine,
        ...this.#whoIs(machine),
        place: this.#random(),
        sighting: { source: 'scan', address, at, identifiers: this.keysAt(machine) },
      })),
    );
    return all.toSorted((a, b) => a.place - b.place);
  }

  /** What a look at that address would say. */
  alive = (address: string, identifier: Identifier): boolean => {
    const there = this.machines.find((machine) => this.isOn(machine) && machine.addresses.includes(address));
    return there !== undefined && this.keysAt(there).some(({ value }) => value === identifier.value);
  };
}
