import { setTimeout as sleep } from 'node:timers/promises';
import { EXPORT_FORMAT, type ExportCheckpoint, type ExportEntry, type ExportHeader } from '../../model/trail.ts';
import type { Platform } from '../../platform/context.ts';
import { isSequenced, lastUnsequenced } from '../../platform/ledger/index.ts';
import { verifierLine } from './key.ts';
import {
  checkpointsAfter,
  entriesBetween,
  latestCheckpoint,
  type PlacedEntry,
  type StoredCheckpoint,
} from './store.ts';

/** Entries read at a time; a checkpoint that covers more is still one piece. */
const PIECE = 1000;

/** The whole trail up to the newest checkpoint, one JSON object a line (see ExportLine), in constant memory. */
export async function* exportLines(platform: Platform): AsyncIterable<string> {
  const until = (await latestCheckpoint(platform.db))?.size ?? 0;
  const header: ExportHeader = {
    kind: 'header',
    format: EXPORT_FORMAT,
    origin: platform.config.checkpointOrigin,
    verifierKey: await verifierLine(platform),
    size: until,
  };
  yield JSON.stringify(header);
  for (let size = 0; size < until;) {
    const piece = takePiece(size, await checkpointsAfter(platform.db, size, PIECE), until);
    if (piece.length === 0) return;
    const end = piece.at(-1)!.size;
    yield* pieceLines(size, piece, await entriesBetween(platform.db, size, end));
    size = end;
  }
}

function takePiece(size: number, checkpoints: StoredCheckpoint[], until: number): StoredCheckpoint[] {
  const wanted = checkpoints.filter((checkpoint) => checkpoint.size <= until);
  const enough = wanted.findIndex((checkpoint) => checkpoint.size - size >= PIECE);
  return enough < 0 ? wanted : wanted.slice(0, enough + 1);
}

function* pieceLines(from: number, checkpoints: StoredCheckpoint[], entries: PlacedEntry[]): Iterable<string> {
  let begin = from;
  for (const checkpoint of checkpoints) {
    const group = entries.filter((entry) => entry.index >= begin && entry.index < checkpoint.size);
    for (const entry of group) {
      // A ledger row that is gone leaves its leaf hash behind: the verifier names it.
      if (!entry.bytes) continue;
      const line: ExportEntry = { kind: 'entry', index: entry.index, text: entry.bytes.toString('utf8') };
      yield JSON.stringify(line);
    }
    const leaves = group.map((entry) => entry.leafHash.toString('hex'));
    const line: ExportCheckpoint = { kind: 'checkpoint', text: checkpoint.text, leaves };
    yield JSON.stringify(line);
    begin = checkpoint.size;
  }
}

/**
 * As the HTTP reply streams it. What was done before it was asked for is in it: the sequencer, moments behind, is waited
 * for. One that cannot go on (a trail that was rewritten) leaves what it had signed, which is what one wants to see then.
 */
export async function* exportText(platform: Platform, patienceMs = 10_000): AsyncIterable<string> {
  await untilSequenced(platform, Date.now() + patienceMs);
  let chunk = '';
  for await (const line of exportLines(platform)) {
    chunk += `${line}\n`;
    if (chunk.length < 65_536) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk) yield chunk;
}

async function untilSequenced(platform: Platform, deadline: number): Promise<void> {
  const seq = await lastUnsequenced(platform.db);
  if (seq === null) return;
  while (Date.now() < deadline && !(await isSequenced(platform.db, seq))) await sleep(50);
}
