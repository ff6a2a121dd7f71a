import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemActor } from '../../../model/actor.ts';
import { AppError } from '../../../model/errors/index.ts';
import { DocumentKind, type DocumentFormat, type SequencedEntry } from '../../../model/trail.ts';
import type { Platform } from '../../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../../platform/ledger/index.ts';
import { verifierLine } from '../key.ts';
import { inclusionRanges } from '../logic/tree.ts';
import { sequence } from '../sequence.ts';
import { latestCheckpoint, renderedDocument, upsertDocument } from '../store.ts';
import { hashRanges } from '../tree.ts';
import { gather } from './gather.ts';
import { toHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import { citedIndexes, type Citation, type ProvenDocument } from './model.ts';
import { DOCUMENTS } from './registry.ts';

export const FORMATS: Record<DocumentFormat, { contentType: string; render: (document: ProvenDocument) => string }> = {
  html: { contentType: 'text/html; charset=utf-8', render: toHtml },
  json: {
    contentType: 'application/json; charset=utf-8',
    render: (document) => `${JSON.stringify({ format: 'lastember/document/v1', ...document }, null, 2)}\n`,
  },
  md: { contentType: 'text/markdown; charset=utf-8', render: toMarkdown },
};

/** The document as the trail tells it now, with the proof of each entry it names. */
export async function prove(
  platform: Platform,
  kind: DocumentKind,
  id: string,
): Promise<{ document: ProvenDocument; entries: SequencedEntry[] }> {
  const checkpoint = await latestCheckpoint(platform.db);
  const all = checkpoint ? await gather(platform.db, kind, id) : [];
  const entries = all.filter((entry) => (entry.index ?? 0) < (checkpoint?.size ?? 0));
  if (!checkpoint || entries.length === 0) {
    throw new AppError('NOT_FOUND', { what: `${kind} on the trail`, id, list: 'report' });
  }
  const body = DOCUMENTS[kind](id, entries);
  const document = {
    body,
    citations: await citationsOf(platform, citedIndexes(body), entries, checkpoint.size),
    checkpoint: { text: checkpoint.text, size: checkpoint.size, root: checkpoint.root.toString('hex') },
    verifierKey: await verifierLine(platform),
  };
  return { document, entries };
}

async function citationsOf(
  platform: Platform,
  indexes: readonly number[],
  entries: readonly SequencedEntry[],
  size: number,
): Promise<Citation[]> {
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]));
  const ranges = indexes.map((index) => inclusionRanges(index, size));
  const hashes = await hashRanges(platform.db, ranges.flat());
  let at = 0;
  return indexes.map((index, i) => {
    const { entry, leafHash } = byIndex.get(index)!;
    const path = hashes.slice(at, (at += ranges[i]!.length)).map((hash) => hash.toString('hex'));
    const text = canonicalBytes(entry).toString('utf8');
    return { index, type: entry.type, at: entry.at, actor: entry.actor.name, leafHash, path, text };
  });
}

/** Job: writes the document in all formats to the data directory, and says so on the trail. */
export async function renderDocument(platform: Platform, kindName: string, id: string): Promise<void> {
  const kind = DocumentKind.parse(kindName);
  // What caused this job was committed with it, but may have no place in the tree yet.
  await sequence(platform);
  const { document, entries } = await prove(platform, kind, id);
  const before = await renderedDocument(platform.db, kind, id);
  const at = new Date(entries.at(-1)!.entry.at);
  // Nothing new about it since: the job came twice.
  if (before?.entries === entries.length && before.at.getTime() === at.getTime()) return;
  const files = await writeFormats(platform, document);
  const [html] = files;
  const subject = {
    kind: 'document' as const,
    id: `${kind}/${id}`,
    name: `${document.body.label}: ${document.body.title}`,
  };
  await platform.act(
    systemActor('trail.document'),
    {
      type: 'trail.document.rendered',
      subject,
      related: kind === 'campaign' ? [{ kind: 'campaign', id }] : [{ kind, id }],
      detail: {
        path: html!.path,
        sha256: html!.sha256,
        files,
        entries: entries.length,
        checkpoint: document.checkpoint.size,
      },
    },
    async (tx) => {
      await upsertDocument(tx.db, { kind, id, title: document.body.title, at, entries: entries.length, files });
      await tx.publish('documents', { kind, id });
    },
  );
}

async function writeFormats(platform: Platform, document: ProvenDocument): Promise<{ path: string; sha256: string }[]> {
  const directory = join(platform.config.dataDir, 'documents');
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const { kind, id } = document.body;
  const files: { path: string; sha256: string }[] = [];
  for (const format of ['html', 'md', 'json'] as const) {
    const content = FORMATS[format].render(document);
    const name = fileName(kind, id, format);
    // A name of its own: the same document may be rendered twice at once.
    const fresh = join(directory, `.${platform.newId('new')}`);
    await writeFile(fresh, content, { mode: 0o640 });
    await rename(fresh, join(directory, name));
    files.push({ path: `documents/${name}`, sha256: sha256Hex(content) });
  }
  return files;
}

/** Ids come from requests and kits: nothing in them may lead out of the directory. */
export function fileName(kind: string, id: string, format: string): string {
  return `${kind}-${id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 120)}.${format}`;
}
