import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import { until } from './wait.ts';

const CLI = join(ROOT, 'bin/lastember.mjs');
const UP_WITHIN_SECONDS = 90;

export interface DemoServer {
  url: string;
  /** the token of this machine's administrator, as the command line finds it */
  token: string;
  dataDir: string;
  stop(): Promise<void>;
}

/** Starts Lastember as anybody would, with `lastember up`, on a data directory of its own. */
export async function startServer(options: {
  dataDir: string;
  port: number;
  agentPort: number;
  /** host that agents are told to call, when they are not on this machine's loopback */
  agentHost?: string;
  /** words that run a program elsewhere, as in a network namespace; the file system is the same there */
  inside?: readonly string[];
  /** what the server says goes here, for looking at afterwards */
  logFile: string;
}): Promise<DemoServer> {
  const { dataDir, port, agentPort, logFile, agentHost = '127.0.0.1', inside = [] } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const up = [process.execPath, CLI, 'up', '--data', dataDir, '--port', `${port}`];
  const [program, ...argv] = [...inside, process.execPath, join(ROOT, 'lab/demo/guard.ts'), ...up];
  const child = spawn(program!, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...cleanEnvironment(),
      LASTEMBER_AGENT_PORT: `${agentPort}`,
      LASTEMBER_AGENT_ADDRESS: `${agentHost}:${agentPort}`,
    },
  });
  const log = createWriteStream(logFile, { mode: 0o600 });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-6000);
      log.write(text);
    });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    log.end();
  };
  try {
    const local = await until('`lastember up` to answer', UP_WITHIN_SECONDS, async () => {
      if (child.exitCode !== null) throw new Error(`\`lastember up\` ended with ${child.exitCode}.`);
      return readLocal(dataDir);
    });
    return { ...local, dataDir, stop };
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}\n${said.trim()}`, { cause: error });
  }
}

/** Settings of the caller's own server must not become the demo's. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const drop = (name: string): boolean => /^(LASTEMBER_|PG|DATABASE_URL$)/.test(name) && name !== 'LASTEMBER_CACHE';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !drop(name)));
}

function readLocal(dataDir: string): { url: string; token: string } | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'local.json'), 'utf8')) as { url: string; token: string };
  } catch {
    return null;
  }
}

/** One command of the real command line, with somebody's token. */
export async function runCli(
  server: { url: string; token: string },
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [CLI, '--server', server.url, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), LASTEMBER_TOKEN: server.token },
  });
  const ran = { code: 1, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { ...ran, code: code ?? 1 };
}
