import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { agentListenOf } from '../platform/config/agents.ts';
import { loadConfig, type Environment } from '../platform/config/index.ts';

export { agentListenOf, loadConfig };

/** How the command line on the server's own machine finds it: address and a token, readable by its owner only. */
export const Local = z.object({ url: z.string(), token: z.string(), pid: z.number().int() });
export type Local = z.infer<typeof Local>;

const pathOf = (dataDir: string): string => join(dataDir, 'local.json');

export async function writeLocal(dataDir: string, local: Local): Promise<void> {
  const path = pathOf(dataDir);
  // With a PostgreSQL of one's own nothing else may have needed it so far.
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function readLocal(dataDir: string): Promise<Local | null> {
  const text = await readFile(pathOf(dataDir), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return Local.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export async function forgetLocal(dataDir: string): Promise<void> {
  await rm(pathOf(dataDir), { force: true });
}

/** Where `up` keeps its data when it is not told. Takes only what decides that: clients have no other settings. */
export function defaultDataDir(env: Environment): string {
  const names = ['LASTEMBER_DATA_DIR', 'XDG_DATA_HOME', 'HOME'];
  return loadConfig(Object.fromEntries(names.map((name) => [name, env[name]]))).dataDir;
}
