import type { Section } from '../../model/facts.ts';
import { SECTION_NAMES, type SectionName } from '../../model/section-names.ts';
import { AppError } from '../../model/errors/index.ts';
import { canonicalHash } from '../canonical.ts';
import type { Host } from '../host.ts';
import { cut, tidied } from '../text.ts';
import { fileSystemsElsewhere } from './guarded.ts';
import { newLook, type FactCache, type Look } from './look.ts';
import { FACT_SECTIONS } from './registry.ts';
import { wantedWith } from './wanted.ts';

export interface CollectOptions {
  /** only these */
  names?: readonly SectionName[];
  /** kept from look to look, so that what did not change is not read again */
  cache?: FactCache;
  now?: () => Date;
  /** hears of each section as it comes, for who may not be able to wait for all of them */
  onSection?: (section: Section) => void;
  /** how long a section, and all of them, may take */
  seconds?: Partial<Seconds>;
}

interface Seconds {
  section: number;
  whole: number;
}

/**
 * A file system that does not answer must not silence the other sections, nor all of them together whoever waits for the
 * look: an agent that takes too long counts as lost, and a look over SSH is broken off after three minutes.
 */
const NEAR: Seconds = { section: 90, whole: 240 };
const FAR: Seconds = { section: 45, whole: 150 };
const GLANCE_MS = 30_000;

/** Looks at a host. A section that cannot be collected says why; the others are not touched by that. */
export async function collectFacts(host: Host, options: CollectOptions = {}): Promise<Section[]> {
  const glance = new Glance(host);
  const look = newLook(glance.host, options.cache);
  const seconds = { ...(host.far ? FAR : NEAR), ...options.seconds };
  const until = performance.now() + seconds.whole * 1000;
  const sections: Section[] = [];
  for (const name of options.names ?? SECTION_NAMES) {
    // What is installed is looked at first: processes from before an update beside packages from after it would look well.
    if (name !== 'packages') await glance.begin();
    const left = (until - performance.now()) / 1000;
    const limit = { seconds: Math.min(seconds.section, left), whole: seconds.whole };
    const section = await collectOne(look, name, limit, (options.now ?? (() => new Date()))());
    options.onSection?.(section);
    sections.push(section);
  }
  return sections;
}

/** Questions that many sections ask are answered in one go, where the host has a way for that. */
class Glance {
  readonly host: Host;
  readonly #of: Host;
  #now: Host;
  #begun = false;

  constructor(host: Host) {
    this.#of = host;
    this.#now = host;
    const through = <K extends 'read' | 'list' | 'stat' | 'readlink' | 'exec'>(what: K): Host[K] =>
      ((...args: never[]) => (this.#now[what] as (...all: never[]) => unknown)(...args)) as Host[K];
    const { glance: _, ...rest } = host;
    this.host =
      host.glance === undefined
        ? host
        : {
            ...rest,
            read: through('read'),
            list: through('list'),
            stat: through('stat'),
            readlink: through('readlink'),
            exec: through('exec'),
          };
  }

  /** What takes too long, or cannot be had so, is asked for one by one. */
  async begin(): Promise<void> {
    if (this.#begun || this.#of.glance === undefined) return;
    this.#begun = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Host>((resolve) => {
      timer = setTimeout(() => resolve(this.#of), GLANCE_MS);
    });
    this.#now = await Promise.race([this.#glanced().catch(() => this.#of), late]);
    clearTimeout(timer);
  }

  async #glanced(): Promise<Host> {
    const elsewhere = await fileSystemsElsewhere(this.#of);
    return this.#of.glance!(wantedWith(elsewhere.length > 0));
  }
}

interface Limit {
  seconds: number;
  whole: number;
}

async function collectOne(look: Look, name: SectionName, limit: Limit, now: Date): Promise<Section> {
  const { version, collect } = FACT_SECTIONS[name];
  const head = { name, version, collectedAt: now.toISOString() };
  try {
    if (limit.seconds <= 0) throw new AppError('HOST_LOOK_TIMEOUT', { section: name, seconds: limit.whole });
    const collected = await withDeadline<unknown>(look, name, limit.seconds, () => collect(look));
    return {
      ...head,
      ...told(name, collected, await look.kept('told', '', async (): Promise<ToldBefore> => new Map())),
    };
  } catch (error) {
    const why = cut((error as Error).message, 1000);
    return { ...head, hash: canonicalHash({ error: why }), error: why };
  }
}

interface Told {
  hash: string;
  data: unknown;
}

/** By what was collected. A section that is kept whole, thousands of packages, is not gone through at each look. */
type ToldBefore = Map<SectionName, { of: unknown; told: Told }>;
const KEPT: ReadonlySet<SectionName> = new Set<SectionName>(['packages']);

/** What a host says, anybody on it may have written: no string of it may cost the section. */
function told(name: SectionName, collected: unknown, before: ToldBefore): Told {
  const known = before.get(name);
  if (known !== undefined && known.of === collected) return known.told;
  const data = tidied(collected);
  const now = { hash: canonicalHash(data), data };
  if (KEPT.has(name)) before.set(name, { of: collected, told: now });
  return now;
}

async function withDeadline<T>(look: Look, section: string, limit: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new AppError('HOST_SECTION_TIMEOUT', { section, seconds: Math.ceil(limit) });
      look.giveUp(error);
      reject(error);
    }, limit * 1000);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
