import * as z from 'zod';
import { AdvisoryId, type Statement } from '../../../model/statement.ts';
import type { FeedMember } from './contract.ts';
import { unfit } from './unfit.ts';
import { jsonOf } from './unpack.ts';

const SecDb = z.object({
  distroversion: z.string().optional(),
  packages: z.array(
    z.object({ pkg: z.object({ name: z.string(), secfixes: z.record(z.string(), z.array(z.string())).nullish() }) }),
  ),
});

/** Alpine's secdb: one repository of one release. It knows fixed issues only. */
export const alpineSecdb: FeedMember = {
  info: {
    kind: 'alpine-secdb',
    title: 'Alpine security database',
    needs: { release: 'v3.22, edge …', repository: 'main or community' },
    ownOf: 'Alpine',
    covers: 'fixed-only',
  },
  url: ({ release, repository }) =>
    `https://secdb.alpinelinux.org/${encodeURIComponent(release ?? '')}/${encodeURIComponent(repository ?? '')}.json`,
  parse(bytes, settings) {
    const read = SecDb.safeParse(jsonOf(bytes));
    if (!read.success) throw new Error(unfit('it is no security database of Alpine’s', read.error));
    const release = read.data.distroversion ?? settings['release'] ?? null;
    const statements = read.data.packages.flatMap(({ pkg: { name, secfixes } }) =>
      Object.entries(secfixes ?? {}).flatMap(([fixed, ids]) =>
        // One entry may hold several names of one issue.
        ids
          .flatMap((entry) => entry.split(/\s+/).filter((id) => AdvisoryId.safeParse(id).success))
          .map((id) => statementOf(release, name, id, fixed)),
      ),
    );
    return { time: null, statements, signals: [] };
  },
};

/** Version 0 says that it never was affected. */
const statementOf = (release: string | null, name: string, id: string, fixed: string): Statement => ({
  ecosystem: 'Alpine',
  release,
  name,
  of: 'source',
  id,
  aliases: [],
  status: fixed === '0' ? 'not-affected' : 'fixed',
  ranges: fixed === '0' ? [] : [{ introduced: '0', fixed }],
  versions: [],
  fixed: fixed === '0' ? null : fixed,
  urgency: null,
  reason: null,
});
