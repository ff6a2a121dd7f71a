import { readText, stampOf, type Host } from '../host.ts';

/** What one look at the inventories may cost; what is beyond that is named as unread. */
export interface Limits {
  ms: number;
  /** files and directories that are looked at */
  looks: number;
  bytes: number;
}
const LIMITS: Limits = { ms: 20_000, looks: 20_000, bytes: 256 * 1024 * 1024 };

/** Counts for all processes of a look together. */
export class Bounds {
  readonly unread = new Set<string>();
  /** how often something was not read */
  misses = 0;
  readonly #until: number;
  #looks: number;
  #bytes: number;

  constructor(limits: Partial<Limits> = {}) {
    const { ms, looks, bytes } = { ...LIMITS, ...limits };
    this.#until = performance.now() + ms;
    this.#looks = looks;
    this.#bytes = bytes;
  }

  /** False: no more looks; `path` is then noted. */
  allows(path: string, bytes = 0): boolean {
    const fits = this.#looks > 0 && bytes <= this.#bytes && performance.now() < this.#until;
    if (!fits) {
      this.note(path);
      return false;
    }
    this.#looks -= 1;
    this.#bytes -= bytes;
    return true;
  }

  /** Is the time over? For what looks at nothing, but takes long. */
  late(): boolean {
    return performance.now() >= this.#until;
  }

  note(path: string): void {
    this.misses += 1;
    this.unread.add(path);
  }
}

/** Answers of earlier looks. Those that nobody asked for in a look are dropped after it. */
export class Kept {
  readonly #answers: Map<string, { stamp: string; value: unknown }>;
  readonly #bounds: Bounds;
  readonly #asked = new Set<string>();

  constructor(answers: Map<string, { stamp: string; value: unknown }>, bounds: Bounds) {
    this.#answers = answers;
    this.#bounds = bounds;
  }

  async get<T>(key: string, stamp: string, work: () => Promise<T>): Promise<T> {
    this.#asked.add(key);
    const known = this.#answers.get(key);
    if (known?.stamp === stamp) return known.value as T;
    const before = this.#bounds.misses;
    const value = await work();
    if (value !== null && this.#bounds.misses === before) this.#answers.set(key, { stamp, value });
    return value;
  }

  tidy(): void {
    for (const key of this.#answers.keys()) if (!this.#asked.has(key)) this.#answers.delete(key);
  }
}

/** Files as one process sees them, within bounds. What cannot be read is noted, and is null like what is not there. */
export class Disk {
  /** put before every path: a container's processes see another tree */
  readonly prefix: string;
  readonly host: Host;
  readonly #bounds: Bounds;

  constructor(host: Host, prefix: string, bounds: Bounds) {
    this.host = host;
    this.prefix = prefix;
    this.#bounds = bounds;
  }

  list(path: string): Promise<string[]> {
    return this.#look(path, [], async (at) => (await this.host.list(at)) ?? []);
  }

  text(path: string, maxBytes = 1024 * 1024): Promise<string | null> {
    return this.#look(path, null, (at) => readText(this.host, at, maxBytes));
  }

  bytes(path: string, size: number): Promise<Uint8Array | null> {
    return this.#look(path, null, (at) => this.host.read(at, { maxBytes: size }), size);
  }

  /** Of a file or directory. */
  async stamp(path: string): Promise<{ size: number; stamp: string; kind: string } | null> {
    const stat = await this.#look(path, null, (at) => this.host.stat(at));
    return stat && { size: stat.size, kind: stat.kind, stamp: stampOf(stat) };
  }

  link(path: string): Promise<string | null> {
    return this.#look(path, null, (at) => this.host.readlink(at));
  }

  note(path: string): void {
    this.#bounds.note(path);
  }

  late(): boolean {
    return this.#bounds.late();
  }

  async #look<T>(path: string, nothing: T, work: (at: string) => Promise<T>, bytes = 0): Promise<T> {
    if (!this.#bounds.allows(path, bytes)) return nothing;
    try {
      return await work(`${this.prefix}${path}`);
    } catch {
      this.#bounds.note(path);
      return nothing;
    }
  }
}

/** `/a/b/../c` → `/a/c`; below `base` where it does not begin at the root. */
export function absolute(path: string, base: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
