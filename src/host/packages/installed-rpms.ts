import type { PackageFact } from '../../model/facts.ts';
import { compareRpm } from '../../model/versions/rpm.ts';
import type { Host } from '../host.ts';
import { listRpms, parseRpm } from './rpm.ts';

const COPIES = ['%{INSTALLTIME}', '%{DBINSTANCE}', '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}'];

/** One of several of a name and architecture. */
export interface Copy {
  name: string;
  installedAt: number;
  /** its number in the database, which counts up */
  instance: number;
  /** as rpm takes it to erase this one */
  nevra: string;
}

interface Read {
  facts: PackageFact[];
  copies: Copy[][];
}

/**
 * What rpm has installed. Each answer goes through its whole database, so one piece of work asks once: whoever changes what is
 * installed, or has waited for somebody who may, asks `anew`.
 */
export class InstalledRpms {
  readonly host: Host;
  #read: Promise<Read> | null = null;

  constructor(host: Host) {
    this.host = host;
  }

  anew(): this {
    this.#read = null;
    return this;
  }

  /** Of several versions of one name (kernels), the newest. */
  async newest(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const { name, version } of (await this.#all()).facts) {
      const other = found.get(name);
      if (other === undefined || compareRpm(other, version) < 0) found.set(name, version);
    }
    return found;
  }

  /** Name → architectures it is installed for. */
  async architectures(): Promise<Map<string, Set<string>>> {
    const found = new Map<string, Set<string>>();
    for (const { name, arch } of (await this.#all()).facts) found.set(name, (found.get(name) ?? new Set()).add(arch));
    return found;
  }

  async copies(): Promise<Copy[][]> {
    return (await this.#all()).copies;
  }

  #all(): Promise<Read> {
    if (this.#read !== null) return this.#read;
    const read = listRpms(this.host, COPIES).then((text) => ({ facts: parseRpm(text, ''), copies: parseCopies(text) }));
    this.#read = read;
    // One that failed is no answer.
    read.catch(() => this.#read === read && this.anew());
    return read;
  }
}

/** Packages that are there more than once, as they are when the power went after the new one and before the old one's end. */
export function parseCopies(text: string): Copy[][] {
  const groups = new Map<string, Copy[]>();
  for (const line of text.split('\n')) {
    const [name, , , arch, , , installedAt, instance, nevra] = line.split('\t');
    if (!name || !nevra || name === 'gpg-pubkey') continue;
    const key = `${name}.${arch}`;
    const group = groups.get(key) ?? [];
    group.push({ name, installedAt: Number(installedAt), instance: Number(instance), nevra });
    groups.set(key, group);
  }
  return [...groups.values()].filter((copies) => copies.length > 1);
}
