import type { FactsReply } from '../model/agent.ts';
import type { Section } from '../model/facts.ts';
import { collectFacts } from '../host/facts/collect.ts';
import type { FactCache } from '../host/facts/look.ts';
import { LIVELY_SECTIONS } from '../host/facts/registry.ts';
import type { Host } from '../host/host.ts';
import { LISTS_EVERY_MS } from '../host/packages/lists-every.ts';
import { elapsedMs } from './elapsed.ts';

export interface Reporter {
  host: Host;
  cache: FactCache;
  /** how far apart regular looks are */
  factsSeconds: number;
  /** when the package lists were last fetched by us; 0: not yet */
  listsAt: number;
  /** when everything was last looked at; 0: not yet */
  wholeAt: number;
  now(): Date;
  /** told as soon as the package lists were fetched */
  listed?(at: number): void;
}

/** Tells the server; it answers which sections it wants in full. */
export type Tell = (sections: Section[]) => Promise<FactsReply>;

/** A little less than the regular looks are apart: each of those is a whole one. */
const WHOLE = 0.8;

/**
 * Looks at the host, tells the hashes, and sends in full only what the server does not have. Returns what was sent.
 * `asked`: the server wants to know, since any section may be what it waits for, all of them are looked at.
 */
export async function reportFacts(reporter: Reporter, tell: Tell, asked = false): Promise<string[]> {
  await freshenLists(reporter);
  const now = reporter.now().getTime();
  const whole = asked || elapsedMs(now, reporter.wholeAt) >= WHOLE * reporter.factsSeconds * 1000;
  const sections = await collectFacts(reporter.host, {
    cache: reporter.cache,
    now: reporter.now,
    ...(whole ? {} : { names: LIVELY_SECTIONS }),
  });
  const heads = sections.map(({ data: _data, ...head }): Section => head);
  const { want } = await tell(heads);
  const wanted = sections.filter((section) => want.includes(section.name) && section.error === undefined);
  if (wanted.length > 0) await tell(wanted);
  if (whole) reporter.wholeAt = now;
  return wanted.map((section) => section.name);
}

/** What the archive offers is known as of the last update: ours, when nobody else's. Without a network, later. */
async function freshenLists(reporter: Reporter): Promise<void> {
  const now = reporter.now().getTime();
  if (elapsedMs(now, reporter.listsAt) < LISTS_EVERY_MS) return;
  // Four times a day; not loaded by every look.
  const { findPackageManager } = await import('../host/packages/find-manager.ts');
  await (await findPackageManager(reporter.host))?.refresh();
  reporter.listsAt = now;
  reporter.listed?.(now);
}
