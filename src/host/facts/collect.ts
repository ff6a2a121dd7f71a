import { SECTION_NAMES, type Section, type SectionName } from '../../model/facts.ts';
import { AppError } from '../../model/errors/index.ts';
import { canonicalHash } from '../canonical.ts';
import type { Host } from '../host.ts';
import { cut, tidied } from '../text.ts';
import { newLook, type FactCache, type Look } from './look.ts';
import { FACT_SECTIONS } from './registry.ts';

export interface CollectOptions {
  /** only these */
  names?: readonly SectionName[];
  /** kept from look to look, so that what did not change is not read again */
  cache?: FactCache;
  now?: () => Date;
}

/** A file system that does not answer must not silence the other sections. */
const SECTION_SECONDS = 180;

/** Looks at a host. A section that cannot be collected says why; the others are not touched by that. */
export async function collectFacts(host: Host, options: CollectOptions = {}): Promise<Section[]> {
  const look = newLook(host, options.cache);
  const sections: Section[] = [];
  for (const name of options.names ?? SECTION_NAMES) {
    sections.push(await collectOne(look, name, (options.now ?? (() => new Date()))()));
  }
  return sections;
}

async function collectOne(look: Look, name: SectionName, now: Date): Promise<Section> {
  const { version, collect } = FACT_SECTIONS[name];
  const head = { name, version, collectedAt: now.toISOString() };
  try {
    // What a host says, anybody on it may have written: no string of it may cost the section.
    const data = tidied(await withDeadline<unknown>(name, collect(look)));
    return { ...head, hash: canonicalHash(data), data };
  } catch (error) {
    const why = cut((error as Error).message, 1000);
    return { ...head, hash: canonicalHash({ error: why }), error: why };
  }
}

async function withDeadline<T>(section: SectionName, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new AppError('HOST_SECTION_TIMEOUT', { section, seconds: SECTION_SECONDS });
    timer = setTimeout(() => reject(error), SECTION_SECONDS * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
