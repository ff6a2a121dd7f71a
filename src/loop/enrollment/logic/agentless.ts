import { createHash } from 'node:crypto';
import { AppError } from '../../../model/errors/index.ts';
import { SECTION_NAMES, type Section, type SectionName } from '../../../model/facts.ts';

/** A host that does not tell these was not looked at, whatever else it told. */
// Packages before processes: those from before an update beside packages from after it would look well.
const NEEDED: readonly SectionName[] = ['packages', 'os', 'processes'];

/** What proofs rest on comes first: should time run out, the rest is what is missing. */
export const LOOK_ORDER: readonly SectionName[] = [
  ...NEEDED,
  'sockets',
  'services',
  ...SECTION_NAMES.filter((name) => ![...NEEDED, 'sockets', 'services'].includes(name)),
];

/** Machines with packages of a kind that nobody reads are looked at all the same. */
const NO_PACKAGES = new AppError('HOST_NO_PACKAGES').message;

/** Why this look did not come through, or null when it did. */
export function missedBy(sections: readonly Section[]): string | null {
  for (const name of NEEDED) {
    const section = sections.find((one) => one.name === name);
    const why = section ? section.error : 'nothing came';
    if (why !== undefined && why !== NO_PACKAGES) return `${name}: ${why}`;
  }
  return null;
}

/** The sections that time ran out for, with the reason. Nothing is stored of them but that. */
export function withRest(came: readonly Section[], why: string, now: Date): Section[] {
  const rest = SECTION_NAMES.filter((name) => !came.some((one) => one.name === name));
  const hash = createHash('sha256').update(why).digest('hex');
  return [
    ...came,
    ...rest.map((name): Section => ({ name, version: 0, hash, collectedAt: now.toISOString(), error: why })),
  ];
}

/** As often as agents report. */
const EVERY_MS = 300_000;
const LONGEST_MS = 3_600_000;

/**
 * When to look at a host again: every five minutes while looks succeed, less and less often while they fail, up to an
 * hour. Each host has its own place within the last tenth, so that thousands are not due in the same second.
 */
export function nextLook(now: Date, failures: number, hostId: string): Date {
  const wait = Math.min(EVERY_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
  const place = createHash('sha256').update(hostId).digest().readUInt16BE(0) / 65_536;
  return new Date(now.getTime() + wait * (0.9 + place / 10));
}
