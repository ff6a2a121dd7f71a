import { record, records, text } from '../../../model/detail.ts';
import type { DocumentKind, SequencedEntry } from '../../../model/trail.ts';
import type { DbOrTx } from '../../../platform/context.ts';
import { readEntries } from '../entries.ts';
import type { EntryQuery } from '../store.ts';
import { hostsOf } from './change.ts';
import { detailOf, isAbout } from './detail.ts';

/** A document stays a document: of a very long history it holds the newest part. */
const MOST = 2000;

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
  host: (db, id) => newest(db, { subjects: [`host:${id}`] }),
};

async function newest(db: DbOrTx, query: Pick<EntryQuery, 'subjects' | 'types'>): Promise<SequencedEntry[]> {
  return readEntries(db, { ...query, order: 'newest', limit: MOST });
}

/** Its own entries, and from its hosts' histories what led to it: how they were found, managed and judged. */
async function gatherChange(db: DbOrTx, id: string): Promise<SequencedEntry[]> {
  const own = await newest(db, { subjects: [`change:${id}`] });
  const end = Math.max(-1, ...own.map((entry) => entry.index ?? -1));
  const hosts = [...hostsOf(own.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)))];
  if (hosts.length === 0) return own;
  const kit = text(own.map((entry) => detailOf(entry)['kit']).find((value) => typeof value === 'string'));
  const background = await newest(db, {
    subjects: hosts.map((host) => `host:${host}`),
    types: ['discovery.host.found', 'enrollment.agent.enrolled', 'audit.findings', 'audit.exposure'],
  });
  const led = background.filter((entry) => (entry.index ?? 0) <= end && (!isAudit(entry) || concerns(entry, kit)));
  return [...own, ...led];
}

const isAudit = (entry: SequencedEntry): boolean => entry.entry.type.startsWith('audit.');

async function gatherCampaign(db: DbOrTx, kit: string): Promise<SequencedEntry[]> {
  const types = ['audit', 'impact.exception', 'change.change.created', 'change.campaign'];
  const found = (await newest(db, { types })).filter((entry) => concerns(entry, kit));
  const changes = found
    .filter((entry) => entry.entry.type === 'change.change.created')
    .map((entry) => entry.entry.subject.id);
  if (changes.length === 0) return found;
  const steered = await newest(db, {
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
