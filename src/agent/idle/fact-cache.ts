import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { VERSION } from '../version.ts';
import type { LocalHost } from '../../host/local.ts';
import type { FactCache } from '../../host/facts/look.ts';

/** Bump when what is kept between looks has another form. */
const FORM = 3;
/** What no host comes near; a larger one is not kept. */
const MOST_BYTES = 64 * 1024 * 1024;
const DIGEST = 32;

/** Where it really lies. */
export const factsFile = ({ host, state }: { host: LocalHost; state: { dir: string } }): string =>
  host.real(`${state.dir}/facts.cache`);

/**
 * What one look leaves to the next, which is another process. Only of the same program, and only whole: anything else is
 * none, and the next look reads everything.
 */
export function loadFacts(path: string, program: string | null): FactCache {
  try {
    const bytes = readFileSync(path);
    const kept = bytes.subarray(DIGEST);
    if (!bytes.subarray(0, DIGEST).equals(digestOf(program, kept))) return new Map();
    return deserialize(kept) as FactCache;
  } catch {
    return new Map();
  }
}

/**
 * Not flushed: after a power cut everything is read anew. Not written when it is the same. Where it cannot be written, the
 * next look only has more to read.
 */
export function saveFacts(path: string, program: string | null, cache: FactCache): void {
  const kept = serialize(cache);
  if (kept.length > MOST_BYTES) return;
  const digest = digestOf(program, kept);
  try {
    if (existsSync(path) && readFileSync(path).subarray(0, DIGEST).equals(digest)) return;
    writeFileSync(`${path}.new`, Buffer.concat([digest, kept]), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    dropRest(`${path}.new`);
  }
}

/** A full disk is not kept full by half of a file. */
function dropRest(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Nothing can be written here at all.
  }
}

const digestOf = (program: string | null, kept: Uint8Array): Buffer =>
  createHash('sha256').update(`${FORM} ${VERSION} ${program} ${process.version}\n`).update(kept).digest();
