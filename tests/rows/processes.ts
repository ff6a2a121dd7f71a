import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const UP_WITHIN_MS = 60_000;

export type Role = 'up' | 'server' | 'worker';

export interface RoleOptions {
  dataDir: string;
  databaseUrl: string;
  databaseOwnerUrl: string;
  port: number;
  agentPort: number;
}

/** One process of the product, started by its real command. */
export interface RoleProcess {
  role: Role;
  /** of the product's own process, not of what guards it */
  pid: number;
  /** the last that it printed */
  said(): string;
  /** SIGKILL: no chance to say good-bye */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it and waits until it says that it is ready. It ends with us, however we end. */
export async function startRole(role: Role, options: RoleOptions): Promise<RoleProcess> {
  const cli = join(ROOT, 'bin/lastember.mjs');
  const flags = ['--data', options.dataDir, '--port', `${options.port}`, '--log-level', 'warn'];
  const argv = [join(ROOT, 'lab/demo/guard.ts'), process.execPath, cli, '--json', role, ...flags];
  const child = spawn(process.execPath, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: environment(options),
  });
  let said = '';
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in ${UP_WITHIN_MS / 1000} s`)), UP_WITHIN_MS);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-20_000);
        const pid = readyPid(said);
        if (pid !== null) resolve(pid);
      });
    void ended.then(([code]) => reject(new Error(`it ended with ${String(code)}`)));
    void ended.then(() => clearTimeout(timer));
    child.once('error', reject);
  });
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  try {
    const pid = await ready;
    const kill = async (): Promise<void> => {
      process.kill(pid, 'SIGKILL');
      await ended;
    };
    return { role, pid, said: () => said, kill, stop };
  } catch (error) {
    await stop();
    throw new Error(`Starting \`lastember ${role}\`: ${(error as Error).message}\n${said}`, { cause: error });
  }
}

/** The line by which it says that it is ready. */
function readyPid(said: string): number | null {
  for (const line of said.split('\n').filter((each) => each.startsWith('{"url":'))) {
    try {
      return (JSON.parse(line) as { pid: number }).pid;
    } catch {
      // half a line: the rest comes with the next chunk
    }
  }
  return null;
}

/** Only what is said here: settings of the caller's own server must not become this one's. */
function environment(options: RoleOptions): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(LASTEMBER_|PG|DATABASE_URL$)/.test(name));
  return {
    ...Object.fromEntries(kept),
    DATABASE_URL: options.databaseUrl,
    LASTEMBER_DATABASE_OWNER_URL: options.databaseOwnerUrl,
    LASTEMBER_AGENT_PORT: `${options.agentPort}`,
    LASTEMBER_AGENT_ADDRESS: `127.0.0.1:${options.agentPort}`,
  };
}

/** A server that is killed must come back where its agents call: its port is chosen once, before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
