import type { Section } from '../../model/facts.ts';
import { SECTION_NAMES, type SectionName } from '../../model/section-names.ts';
import { AppError } from '../../model/errors/index.ts';
import { canonicalHash, sha256 } from '../canonical.ts';
import type { Host } from '../host.ts';
import { cut, tidied } from '../text.ts';
import { Glance } from './glance.ts';
import { newLook, type FactCache, type Look } from './look.ts';
import { FACT_SECTIONS } from './registry.ts';

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

/** Looks at a host. A section that cannot be collected says why; the others are not touched by that. */
export async function collectFacts(host: Host, options: CollectOptions = {}): Promise<Section[]> {
  const cache: FactCache = options.cache ?? new Map();
  const glance = new Glance(host, cache);
  const look = newLook(glance.host, cache);
  const seconds = { ...(host.far ? FAR : NEAR), ...options.seconds };
  const until = performance.now() + seconds.whole * 1000;
  const sections: Section[] = [];
  const names = options.names ?? SECTION_NAMES;
  for (const name of names) {
    // What is installed is looked at first: processes from before an update beside packages from after it would look well.
    if (name !== 'packages') await glance.begin();
    const left = (until - performance.now()) / 1000;
    const limit = { seconds: Math.min(seconds.section, left), whole: seconds.whole };
    const section = await collectOne(look, name, limit, (options.now ?? (() => new Date()))());
    options.onSection?.(section);
    sections.push(section);
  }
  // A look at a part does not ask what the next one will.
  if (SECTION_NAMES.every((name) => names.includes(name))) glance.remember();
  return sections;
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

/** `of`: what was collected, where the very same may come again; `plain`: hash of it as it was, where it was tidy. */
type ToldBefore = Map<SectionName, { of: unknown; plain: string | null; told: Told }>;
/** A section that is kept whole, thousands of packages, is not gone through at each look. */
const KEPT: ReadonlySet<SectionName> = new Set<SectionName>(['packages']);

/**
 * What a host says, anybody on it may have written: no string of it may cost the section. To bring it into its canonical form
 * is dear; whether it is what was brought there the last time is cheap to see.
 */
function told(name: SectionName, collected: unknown, before: ToldBefore): Told {
  const known = before.get(name);
  if (known !== undefined && KEPT.has(name) && known.of === collected) return known.told;
  const plain = sha256(JSON.stringify(collected));
  if (known?.plain === plain) return { hash: known.told.hash, data: collected };
  const data = tidied(collected);
  const now = { hash: canonicalHash(data), data };
  const isKept = KEPT.has(name);
  before.set(name, {
    of: isKept ? collected : null,
    plain: data === collected ? plain : null,
    told: isKept ? now : { hash: now.hash, data: null },
  });
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
