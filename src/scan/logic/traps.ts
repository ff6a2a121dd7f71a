import type { ProbeResult } from '../../model/probe.ts';
import { isSilence } from './describe.ts';
import { subnetOf } from './subnets.ts';

/** More ports than this that accept and say nothing, at one address, are a firewall or a trap. */
export const SILENT_PORTS = 5;
/** Of an address with more ports, so many are waited for; where they stay silent, its others get a glance. */
export const SAMPLE = 3;
/** With so many such addresses in one /24 (IPv6: /64), something answers for the subnet, and they are no hosts. */
export const TRAP_ADDRESSES = 8;

/** What a scan has met so far, by subnet. A subnet without any takes no room. */
export interface Traps {
  bySubnet: Map<string, number>;
}

export const newTraps = (): Traps => ({ bySubnet: new Map() });

interface Looked {
  address: string;
  transport?: string;
  result: ProbeResult | null;
  /** too short for its silence to count */
  isGlance?: boolean;
}

/** Does something answer for this address's whole subnet? */
export const isTrapped = ({ bySubnet }: Traps, address: string): boolean =>
  (bySubnet.get(subnetOf(address)) ?? 0) >= TRAP_ADDRESSES;

/**
 * Takes in what was seen of these addresses, each with all its ports; those that something answers for, in its stead.
 * Who is known to have `spoken` there is a machine, however silent now.
 */
export function bogusAmong(
  traps: Traps,
  looks: readonly Looked[],
  spoken: ReadonlySet<string> = new Set(),
): Set<string> {
  const mute = muteAmong(looks).filter((address) => !spoken.has(address));
  for (const address of mute) {
    const subnet = subnetOf(address);
    traps.bySubnet.set(subnet, (traps.bySubnet.get(subnet) ?? 0) + 1);
  }
  return new Set(mute.filter((address) => isTrapped(traps, address)));
}

/** Addresses with many ports of which none said a word. */
export const muteAmong = (looks: readonly Looked[]): string[] =>
  [...Map.groupBy(looks, ({ address }) => address)].filter(([, here]) => isMute(here)).map(([address]) => address);

/**
 * Many ports, and not a word from any, though some were waited for: one that says something, or that could not be looked
 * at, makes it a machine.
 */
const isMute = (here: readonly Looked[]): boolean =>
  here.length > SILENT_PORTS &&
  here.filter(({ isGlance }) => !isGlance).length >= SAMPLE &&
  here.every(({ transport, result }) => transport !== 'udp' && result !== null && isSilence(result));

/** By place: what gets a whole look, one opening with time to answer, and a glance. */
export interface Round {
  full: number[];
  patient: number[];
  short: number[];
}

/**
 * Which of these ports (by place) are looked at next: some of each address in full, those of addresses that stayed silent
 * in short. Each round takes twice as many of an address as the one before. Of addresses with many ports in one subnet
 * a few are looked at first; when those stay silent, the others get patient looks first (one opening, but time to answer),
 * and are short when these stay silent too.
 */
export class Rounds {
  readonly #left: Map<string, number[]>;
  readonly #silent = new Map<string, number>();
  readonly #spoke = new Set<string>();
  readonly #many = new Set<string>();
  /** by subnet: the addresses with many ports that are looked at before the others */
  readonly #first = new Map<string, Set<string>>();
  readonly #trapped: (address: string) => boolean;
  #size = SAMPLE;

  constructor(pairs: readonly { address: string }[], trapped: (address: string) => boolean) {
    this.#trapped = trapped;
    this.#left = Map.groupBy(pairs.keys(), (index) => pairs[index]!.address);
    for (const [address, left] of this.#left) {
      if (left.length <= SILENT_PORTS) continue;
      this.#many.add(address);
      const first = this.#first.get(subnetOf(address)) ?? new Set();
      if (first.size < TRAP_ADDRESSES) this.#first.set(subnetOf(address), first.add(address));
    }
  }

  note(address: string, result: ProbeResult | null): void {
    if (result && isSilence(result)) this.#silent.set(address, (this.#silent.get(address) ?? 0) + 1);
    else this.#spoke.add(address);
  }

  next(): Round | null {
    const [full, patient, short]: [number[], number[], number[]] = [[], [], []];
    const isBegin = this.#size === SAMPLE;
    for (const [address, left] of this.#left) {
      if (this.#isSilent(address)) short.push(...left.splice(0));
      else if (this.#isLikelyMute(address)) patient.push(...left.splice(0, SAMPLE));
      else if (!isBegin || this.#isFirst(address, left.length)) full.push(...left.splice(0, this.#size));
      if (left.length === 0) this.#left.delete(address);
    }
    this.#size *= 2;
    return full.length + patient.length + short.length > 0 ? { full, patient, short } : null;
  }

  /** Something seems to answer for it, and it has not said a word itself. */
  #isLikelyMute(address: string): boolean {
    if (!this.#many.has(address) || this.#spoke.has(address)) return false;
    return this.#trapped(address) || this.#areSilent(subnetOf(address));
  }

  #isFirst(address: string, left: number): boolean {
    return left <= SILENT_PORTS || this.#first.get(subnetOf(address))!.has(address);
  }

  #isSilent(address: string): boolean {
    return this.#many.has(address) && (this.#silent.get(address) ?? 0) >= SAMPLE;
  }

  #areSilent(subnet: string): boolean {
    const first = this.#first.get(subnet);
    return first?.size === TRAP_ADDRESSES && [...first].every((one) => this.#isSilent(one) && !this.#spoke.has(one));
  }
}
