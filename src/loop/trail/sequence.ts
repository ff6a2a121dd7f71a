import { systemActor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { DocumentKind, type Entry } from '../../model/trail.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { countUnsequenced, leafHash, markSequenced, readUnsequenced } from '../../platform/ledger/index.ts';
import { trailKey, withSigner } from './key.ts';
import { checkpointText, signNote, verifierKey } from './logic/note.ts';
import { append, hashOf, nodesOf, rootRange } from './logic/tree.ts';
import {
  insertCheckpoint,
  insertLeaves,
  insertNodes,
  latestCheckpoint,
  lockSequencer,
  nodeKey,
  readNodes,
  type StoredCheckpoint,
} from './store.ts';
import { hashRanges } from './tree.ts';
import { parseCheckpoint, parseVerifierKey, signedBy } from './verify/note.ts';
import { latestRemembered, memoryFile, remember } from './witness.ts';

const BATCH = 2000;
type Signer = Parameters<Parameters<typeof withSigner>[1]>[0];

/**
 * Gives every committed entry without a place the next index, grows the tree and signs the new head. Entries of
 * transactions still in flight are not visible and simply come later: nothing is skipped, indexes have no gaps.
 */
export async function sequence(platform: Platform): Promise<void> {
  await trailKey(platform);
  if ((await countUnsequenced(platform.db)) === 0) return;
  for (let more = true; more;) {
    const batch = await withSigner(platform, (signer) => sequenceBatch(platform, signer));
    // Outside the database, after the commit: a checkpoint is never told before it is stored.
    if (batch !== null) await remember(platform, batch.text);
    more = batch?.full ?? false;
  }
}

async function sequenceBatch(platform: Platform, signer: Signer): Promise<{ text: string; full: boolean } | null> {
  return platform.observe(systemActor('trail.sequence'), async (tx) => {
    await lockSequencer(tx.db);
    const entries = await readUnsequenced(tx.db, BATCH);
    if (entries.length === 0) return null;
    const last = await latestCheckpoint(tx.db);
    const size = last?.size ?? 0;
    const frontier = await trustedFrontier(platform, tx, last, signer);
    const grown = append(
      size,
      frontier,
      entries.map((entry) => leafHash(entry.bytes)),
    );
    const leaves = entries.map((entry, i) => ({ index: size + i, seq: entry.seq, entry_id: entry.id }));
    await insertLeaves(tx.db, leaves);
    await insertNodes(tx.db, grown.nodes);
    const root = hashOf(rootRange(grown.size), frontierReader(grown.size, grown.frontier));
    const text = signNote(checkpointText(signer.name, grown.size, root), signer.name, signer.privateKey);
    await insertCheckpoint(tx.db, { size: grown.size, root, text, at: tx.now });
    await markSequenced(
      tx.db,
      entries.map((entry) => entry.seq),
    );
    await askForDocuments(
      tx,
      entries.map((entry) => entry.entry),
    );
    await tx.publish('trail', { size: String(grown.size) });
    return { text, full: entries.length === BATCH };
  });
}

/** What has come to an end, or come back, is written up at once: the record, and its hosts' dossiers. */
async function askForDocuments(tx: Tx, entries: readonly Entry[]): Promise<void> {
  const wanted = entries.flatMap((entry) => {
    if (entry.type === 'change.change.closed') return [entry.subject, ...entry.related];
    return entry.type.startsWith('change.campaign.') ? [entry.subject] : [];
  });
  const documents = wanted.filter((subject) => DocumentKind.safeParse(subject.kind).success);
  for (const { kind, id } of documents) {
    await tx.enqueue('trail.document', { kind, id }, { singletonKey: `${kind}/${id}` });
  }
}

/** Hashes at the right edge, after checking that they still are what was signed: we never sign on top of a forgery. */
async function trustedFrontier(
  platform: Platform,
  tx: Tx,
  last: StoredCheckpoint | null,
  signer: Signer,
): Promise<Buffer[]> {
  const size = last?.size ?? 0;
  const nodes = nodesOf(rootRange(size));
  const stored = await readNodes(tx.db, nodes);
  const frontier = nodes.flatMap((at) => stored.get(nodeKey(at)) ?? []);
  const complete = frontier.length === nodes.length;
  const root = complete ? hashOf(rootRange(size), frontierReader(size, frontier)) : null;
  const key = parseVerifierKey(verifierKey(signer.name, signer.publicKey))!;
  if (last) {
    const signed = parseCheckpoint(last.text);
    const good = signed && signedBy(signed, key) && signed.size === size && root?.equals(signed.root);
    if (!good) throw new AppError('TRAIL_REWRITTEN', { why: `its tree does not fit the checkpoint of size ${size}` });
  }
  await checkMemory(platform, tx, size, root);
  return frontier;
}

/** The database may have been truncated or replaced as a whole; what we remember outside of it says so. */
async function checkMemory(platform: Platform, tx: Tx, size: number, root: Buffer | null): Promise<void> {
  const text = await latestRemembered(platform);
  const seen = text === null ? null : parseCheckpoint(text);
  if (!seen) return;
  const file = memoryFile(platform);
  if (seen.size > size) {
    throw new AppError('TRAIL_TRUNCATED', { has: size, signed: seen.size, file });
  }
  // Nearly always it is the last one that we remember, and its root was computed just now.
  const now = seen.size === size ? root : (await hashRanges(tx.db, [rootRange(seen.size)]))[0];
  if (!now?.equals(seen.root)) {
    throw new AppError('TRAIL_REWRITTEN', {
      why: `its first ${seen.size} entries have another root than ${file} holds`,
    });
  }
}

function frontierReader(size: number, frontier: readonly Buffer[]) {
  const hashes = new Map(nodesOf(rootRange(size)).map((at, i) => [nodeKey(at), frontier[i]!]));
  return (at: { level: number; index: number }): Buffer => hashes.get(nodeKey(at))!;
}
