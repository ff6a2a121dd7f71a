/**
 * Fills the disk below a running embedded PostgreSQL, for a test with a small file system of its own.
 * `node fill.ts OPTIONS-JSON`: prints `{full, recovered}`: the code that a write met, and whether writing went on after.
 */
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createLog } from '../../../log/index.ts';
import { isAppError } from '../../../../model/errors/index.ts';
import { createDb } from '../../pool.ts';
import { startEmbedded } from '../index.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as {
  dataDir: string;
  binariesDir: string;
  settings: Record<string, string>;
};
const log = createLog('silent');
const server = await startEmbedded({ dataDir: options.dataDir, pgBinDir: null, pgUid: 64_123 }, log, options);
const { db } = createDb(server.ownerUrl, { max: 2, log });
await sql`create schema fill`.execute(db);
await sql`create table fill.t (v bytea)`.execute(db);

const ballast = join(options.dataDir, 'ballast');
const { bavail, bsize } = await statfs(options.dataDir);
await writeFile(ballast, Buffer.alloc(bavail * bsize - 4 * 1024 * 1024));
let full: string | null = null;
for (let i = 0; i < 200 && full === null; i++) {
  try {
    // Random bytes do not compress: 100 kB each.
    await sql`insert into fill.t select string_agg(uuid_send(gen_random_uuid()), '') from generate_series(1, 6400)`.execute(
      db,
    );
  } catch (error) {
    full = isAppError(error) ? error.code : String(error);
  }
}
await rm(ballast);
await sql`insert into fill.t values ('x')`.execute(db);
process.stdout.write(`${JSON.stringify({ full, recovered: true })}\n`);
await db.destroy();
await server.stop();
