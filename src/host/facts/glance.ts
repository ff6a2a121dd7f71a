import type { Host, Wanted } from '../host.ts';
import { fileSystemsElsewhere } from './guarded.ts';
import type { FactCache } from './look.ts';
import { wantedWith } from './wanted.ts';

const GLANCE_MS = 30_000;
const ASKED = 'asked-one-by-one';
/** More than a host has places that are looked at; what comes beyond is asked for by itself. */
const MOST_ASKED = 4000;

type Asked = Map<string, Wanted>;
const HOW = ['read', 'list', 'stat', 'readlink'] as const;
const rank = ({ how }: Wanted): number => (how === 'read' ? 1 : 0);
const keyOf = ({ how, paths }: Wanted): string => `${how} ${paths}`;

/**
 * Questions that many sections ask are answered in one go, where the host has a way for that: those that every host is asked,
 * and those that the look before had to ask by themselves.
 */
export class Glance {
  readonly host: Host;
  readonly #of: Host;
  readonly #cache: FactCache;
  readonly #before: Asked;
  /** in this look: everything, and what was not known */
  readonly #asked = new Set<string>();
  readonly #missed: Asked = new Map();
  #now: Host;
  #begun = false;
  #isLate = false;

  constructor(host: Host, cache: FactCache) {
    this.#of = host;
    this.#now = host;
    this.#cache = cache;
    this.#before = (cache.get(ASKED)?.value as Asked | undefined) ?? new Map<string, Wanted>();
    const { glance: _, ...rest } = host;
    const exec: Host['exec'] = (argv, options) => this.#now.exec(argv, options);
    this.host = host.glance === undefined ? host : { ...rest, exec, ...this.#questions() };
  }

  #questions(): Pick<Host, (typeof HOW)[number]> {
    const through = <K extends (typeof HOW)[number]>(how: K): Host[K] =>
      ((path: string, ...more: never[]) => {
        if (this.#before.size > 0) this.#asked.add(keyOf({ how, paths: path }));
        return (this.#now[how] as (path: string, ...all: never[]) => unknown)(path, ...more);
      }) as Host[K];
    return { read: through('read'), list: through('list'), stat: through('stat'), readlink: through('readlink') };
  }

  /** What takes too long, or cannot be had so, is asked for one by one. */
  async begin(): Promise<void> {
    if (this.#begun || this.#of.glance === undefined) return;
    this.#begun = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Host>((resolve) => {
      timer = setTimeout(() => resolve(this.#oneByOne()), GLANCE_MS);
    });
    this.#now = await Promise.race([this.#glanced().catch(() => this.#oneByOne()), late]);
    clearTimeout(timer);
  }

  #oneByOne(): Host {
    this.#isLate = true;
    return this.#of;
  }

  async #glanced(): Promise<Host> {
    const isElsewhere = (await fileSystemsElsewhere(this.#of)).length > 0;
    // What tells whether something changed comes before what it holds: the other way round, it could be of before the change.
    const learned = isElsewhere ? [] : [...this.#before.values()].sort((a, b) => rank(a) - rank(b));
    const wanted = [...wantedWith(isElsewhere), ...learned];
    return this.#of.glance!(wanted, (one) => this.#miss(one));
  }

  /** A process has another number the next time. What was asked in one go and not answered so, was asked in vain. */
  #miss(one: Wanted): void {
    const key = keyOf(one);
    if (this.#before.has(key)) this.#asked.delete(key);
    else if (!/^\/proc\/\d/.test(one.paths) && this.#missed.size < MOST_ASKED) this.#missed.set(key, one);
  }

  /** The same as before, where nothing else was asked: most looks. */
  #learned(): Asked {
    const still = [...this.#before].filter(([key]) => this.#asked.has(key));
    if (this.#missed.size === 0 && still.length === this.#before.size) return this.#before;
    return new Map([...still, ...this.#missed].slice(0, MOST_ASKED));
  }

  /**
   * For the look after this one. The first one reads much that no other reads: nothing is learned of it; nor of one that was
   * too late, for what was learned before may be why.
   */
  remember(): void {
    const isNothing = !this.#cache.has(ASKED) || this.#isLate;
    const value: Asked = isNothing ? new Map() : this.#learned();
    if (this.#of.glance !== undefined) this.#cache.set(ASKED, { stamp: '', value });
  }
}
