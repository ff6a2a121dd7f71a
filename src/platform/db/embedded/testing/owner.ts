/**
 * A process that owns an embedded PostgreSQL, for tests that kill it, or run it as somebody else.
 * `node owner.ts OPTIONS-JSON`: prints one line of JSON, `{appUrl, rootUrl, pid}` or `{code, message}`.
 */
import { createLog } from '../../../log/index.ts';
import { isAppError } from '../../../../model/errors/index.ts';
import { startEmbedded } from '../index.ts';

interface Options {
  dataDir: string;
  binariesDir?: string;
  pgUid?: number;
  settings?: Record<string, string>;
}

const { dataDir, pgUid, ...options } = JSON.parse(process.argv[2] ?? '{}') as Options;
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
try {
  const config = { dataDir, pgBinDir: null, pgUid: pgUid ?? 64_123 };
  const server = await startEmbedded(config, createLog('silent'), options);
  say({ appUrl: server.appUrl, rootUrl: server.rootUrl, pid: await server.pid() });
  const stayAlive = setInterval(() => undefined, 60_000);
  process.once('SIGTERM', () => {
    clearInterval(stayAlive);
    void server.stop();
  });
} catch (error) {
  say(isAppError(error) ? { code: error.code, message: error.message } : { code: 'OTHER', message: String(error) });
}
