import * as z from 'zod';
import { AdvisoryId, type Statement, type StatementStatus } from '../../../model/statement.ts';
import { debianRelease } from '../logic/advisories/release.ts';
import { versionOrder } from '../versions/registry.ts';
import type { FeedMember } from './contract.ts';
import { unfit } from './unfit.ts';
import { jsonOf } from './unpack.ts';

const Release = z.object({
  status: z.enum(['resolved', 'open', 'undetermined']),
  urgency: z.string().optional(),
  fixed_version: z.string().optional(),
  /** suite → version there */
  repositories: z.record(z.string(), z.string()).optional(),
  nodsa: z.string().optional(),
  nodsa_reason: z.string().nullish(),
});
type Release = z.infer<typeof Release>;
const Tracker = z.record(z.string(), z.record(AdvisoryId, z.object({ releases: z.record(z.string(), Release) })));

/** Debian’s security tracker, `data/json`. */
export const debianTracker: FeedMember = {
  info: {
    kind: 'debian-tracker',
    title: 'Debian security tracker',
    needs: {},
    ownOf: 'Debian',
    covers: 'all',
  },
  url: () => 'https://security-tracker.debian.org/tracker/data/json',
  parse(bytes) {
    const read = Tracker.safeParse(jsonOf(bytes));
    if (!read.success) throw new Error(unfit("it is not the tracker's data", read.error));
    const statements = Object.entries(read.data).flatMap(([name, ids]) =>
      Object.entries(ids).flatMap(([id, { releases }]) =>
        Object.entries(releases).map(([codename, release]) => statementOf(name, id, debianRelease(codename), release)),
      ),
    );
    return { time: null, statements, signals: [] };
  },
};

function statementOf(name: string, id: string, release: string, told: Release): Statement {
  const claimed = (told.status === 'resolved' && told.fixed_version) || null;
  const missing = claimed === null ? null : notInArchive(claimed, told.repositories ?? {});
  const fixed = missing === null && claimed !== '0' ? claimed : null;
  const status = missing === null ? statusOf(told) : 'affected';
  return {
    ecosystem: 'Debian',
    release,
    name,
    of: 'source',
    id,
    aliases: [],
    status,
    ranges: rangesOf(status, fixed),
    versions: [],
    fixed,
    urgency: told.urgency ?? null,
    reason: missing ?? (told.nodsa || null),
  };
}

/** Everything until the fix, where versions are affected at all. */
export function rangesOf(status: StatementStatus, fixed: string | null): Statement['ranges'] {
  if (status === 'not-affected' || status === 'unassessed') return [];
  return [{ introduced: '0', ...(fixed === null ? {} : { fixed }) }];
}

function statusOf({ status, fixed_version: fixed, urgency, nodsa, nodsa_reason: why }: Release): StatementStatus {
  if (status === 'undetermined') return 'unassessed';
  if (status === 'resolved') return fixed === '0' ? 'not-affected' : 'fixed';
  if (urgency === 'end-of-life') return 'end-of-life';
  if (why === 'ignored') return 'wont-fix';
  return nodsa === undefined && why !== 'postponed' ? 'affected' : 'deferred';
}

/** A fix that no suite of the release has is no fix, whatever is claimed. */
function notInArchive(fixed: string, repositories: Readonly<Record<string, string>>): string | null {
  const order = versionOrder('Debian')!;
  const there = Object.values(repositories);
  if (fixed === '0' || there.length === 0) return null;
  if (there.some((version) => order(version, fixed) !== -1)) return null;
  const newest = there.toSorted((a, b) => order(a, b) ?? 0).at(-1)!;
  return `claimed fix not in the archive: ${fixed} is named, ${newest} is the newest there`;
}
