import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Source } from '../../model/source.ts';
import type { Platform } from '../../platform/context.ts';
import { mustFindSource } from './sources.ts';
import { SOURCES } from './sources/registry.ts';
import { insertPush, type SourceRow, toSource } from './store-sources.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/**
 * Keeps a file that somebody handed over until a worker has read it. One at a time: a second one would have to take the
 * place of the first, and what that told would be lost.
 */
export async function pushSource(platform: Platform, actor: Actor, ref: string, text: string): Promise<Source> {
  const row = await mustFindSource(platform, ref);
  const { id, name, kind } = row;
  if (SOURCES[kind].how !== 'pushed') {
    const why = 'it is asked over the network; ask it with `lastember source read`';
    throw new AppError('SOURCE_INVALID', { name, kind, why });
  }
  const packed = (await pack(text)).toString('base64');
  await platform.observe(actor, async (tx) => {
    const secret = await platform.vault.put(tx, packed);
    const push = { source_id: id, secret_id: secret, pushed_at: tx.now, actor: JSON.stringify(actor) };
    if (!(await insertPush(tx.db, push))) throw new AppError('SOURCE_RUNNING', { name });
    await tx.enqueue('discovery.source', { sourceId: id }, { singletonKey: id });
    await tx.publish('hosts', { sourceId: id });
  });
  // Also where a worker is through with it by now: whoever asked can tell what was before from what comes.
  return { ...toSource(row, platform.now()), state: 'running' };
}

/** The file that waits to be read. */
export async function pushedFile(platform: Platform, { push_secret_id: id }: SourceRow): Promise<Buffer> {
  if (id === null) throw new Error('its file is gone');
  return platform.vault.use(id, (packed) => unpack(Buffer.from(packed, 'base64')));
}
