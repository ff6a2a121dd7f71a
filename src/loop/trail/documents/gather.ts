import { record, records, text } from '../../../model/detail.ts';
import type { DocumentKind, SequencedEntry } from '../../../model/trail.ts';
import type { DbOrTx } from '../../../platform/context.ts';
import { toSequenced } from '../entries.ts';
import { findEntries, type EntryQuery } from '../store.ts';
import { hostsOf } from './change.ts';
import { detailOf, isAbout } from './detail.ts';

/** Entries read at a time. A document is about all of them: what it leaves out it could not prove. */
const PAGE = 1000;

/** The entries that a document is made of, in tree order. Its own renderings are no part of the story. */
export async function gather(db: DbOrTx, kind: DocumentKind, id: string): Promise<SequencedEntry[]> {
  const entries = await GATHER[kind](db, id);
  const unique = new Map(entries.map((entry) => [entry.index, entry]));
  return [...unique.values()]
    .filter((entry) => !entry.entry.type.startsWith('trail.document.'))
    .toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

const GATHER: Record<DocumentKind, (db: DbOrTx, id: string) => Promise<SequencedEntry[]>> = {
  campaign: gatherCampaign,
  change: gatherChange,
  host: (db, id) => everything(db, { subjects: [`host:${id}`] }),
};

/** All that match, page by page, oldest first; only those that are wanted are kept. */
async function everything(
  db: DbOrTx,
  query: Pick<EntryQuery, 'subjects' | 'types'>,
  wanted: (entry: SequencedEntry) => boolean = () => true,
): Promise<SequencedEntry[]> {
  const found: SequencedEntry[] = [];
  for (let after = -1; ;) {
    const page = await findEntries(db, { ...query, after, order: 'oldest', limit: PAGE });
    found.push(...page.flatMap((row) => toSequenced(row) ?? []).filter(wanted));
    if (page.length < PAGE) return found;
    after = page.at(-1)!.index;
  }
}

/** Its own entries, and from its hosts' histories what led to it: how they were found, managed and judged. */
async function gatherChange(db: DbOrTx, id: string): Promise<SequencedEntry[]> {
  const own = await everything(db, { subjects: [`change:${id}`] });
  const end = own.at(-1)?.index ?? -1;
  const hosts = [...hostsOf(own)];
  if (hosts.length === 0) return own;
  const kit = text(own.map((entry) => detailOf(entry)['kit']).find((value) => typeof value === 'string'));
  const led = await everything(
    db,
    {
      subjects: hosts.map((host) => `host:${host}`),
      types: ['discovery.host.found', 'enrollment.agent.enrolled', 'audit.findings', 'audit.exposure'],
    },
    (entry) => (entry.index ?? 0) <= end && (!isAudit(entry) || concerns(entry, kit)),
  );
  return [...own, ...led];
}

const isAudit = (entry: SequencedEntry): boolean => entry.entry.type.startsWith('audit.');

async function gatherCampaign(db: DbOrTx, kit: string): Promise<SequencedEntry[]> {
  const types = ['audit', 'impact.exception', 'change.change.created', 'change.campaign'];
  const found = await everything(db, { types }, (entry) => concerns(entry, kit));
  const changes = found
    .filter((entry) => entry.entry.type === 'change.change.created')
    .map((entry) => entry.entry.subject.id);
  if (changes.length === 0) return found;
  const steered = await everything(db, {
    subjects: changes.map((id) => `change:${id}`),
    types: ['change.plan.approved', 'change.change.verified', 'change.change.closed'],
  });
  return [...found, ...steered];
}

/** Does the entry speak of this kit: as its subject, in its detail, or in one of its findings? */
function concerns(entry: SequencedEntry, kit: string): boolean {
  const detail = detailOf(entry);
  if (isAbout(entry, 'kit', kit) || isAbout(entry, 'campaign', kit) || detail['kit'] === kit) return true;
  const findings = [...records(detail['findings']), ...records(detail['named'])];
  return record(detail['match'])['kit'] === kit || findings.some((finding) => finding['kit'] === kit);
}
