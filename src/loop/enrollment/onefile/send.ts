import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { SshHost } from '../../../host/ssh/index.ts';
import { AppError } from '../../../model/errors/index.ts';
import { chooseUnpacker, UNPACKERS, type Packing, type Unpacker } from '../logic/unpack.ts';

const PROBE_MS = 15_000;
const UNPACK_MS = 180_000;
/** The exit code of a command that is not there. */
const NOT_FOUND = 127;

export interface Destination {
  remote: SshHost;
  /** its name, for what is told */
  host: string;
}

/** The way in which this host gets the least through the line. */
export async function unpackerFor({ remote }: Destination, canMake: ReadonlySet<Packing>): Promise<Unpacker> {
  const there = new Set<string>();
  for (const { name, probe } of UNPACKERS) {
    const { code } = probe ? await remote.exec(probe.argv, { timeoutMs: PROBE_MS }) : { code: 0 };
    if (probe?.mustSucceed ? code === 0 : code !== NOT_FOUND) there.add(name);
  }
  return chooseUnpacker(there, canMake);
}

/** Puts the agent at `path`, whole or not at all, and sees that it runs on this machine before anything starts it. */
export async function sendOneFile(
  destination: Destination,
  { bytes, unpacker, path }: { bytes: Uint8Array; unpacker: Unpacker; path: string },
): Promise<void> {
  const { remote } = destination;
  await dropLeftovers(remote, path);
  // A copy of a deployment that died may still run or be written to: nobody else has this name.
  const fresh = `${path}.new-${randomUUID().slice(0, 8)}`;
  const steps = unpacker.steps(fresh);
  try {
    await remote.write(steps.came, bytes, 0o600);
    await unpack(destination, steps, fresh);
    await remote.rename(fresh, path);
  } catch (error) {
    // A disk that was too small for it must not stay full.
    await remote.exec(['rm', '-rf', steps.came, fresh, `${fresh}.d`], { timeoutMs: PROBE_MS }).catch(() => {});
    throw error;
  }
}

/** What deployments left that died half-way. Whoever has such a file open keeps it, without its name. */
async function dropLeftovers(remote: SshHost, path: string): Promise<void> {
  const dir = dirname(path);
  const left = ((await remote.list(dir)) ?? []).filter((name) => name.startsWith(`${basename(path)}.new`));
  if (left.length === 0) return;
  await remote.exec(['rm', '-rf', ...left.map((name) => join(dir, name))], { timeoutMs: PROBE_MS });
}

async function unpack(
  { remote, host }: Destination,
  { came, argv, made }: ReturnType<Unpacker['steps']>,
  fresh: string,
): Promise<void> {
  const unpacked = argv ? await remote.exec(argv, { timeoutMs: UNPACK_MS }) : null;
  if (unpacked && unpacked.code !== 0)
    throw new AppError('DEPLOY_COMMAND', { host, command: argv!.join(' '), why: said(unpacked) });
  if (came !== fresh) await remote.remove(came);
  if (made !== fresh) {
    await remote.rename(made, fresh);
    await remote.exec(['rmdir', `${fresh}.d`], { timeoutMs: PROBE_MS });
  }
  await remote.chmod(fresh, 0o755);
  const runs = await remote.exec([fresh, '--version'], { timeoutMs: 60_000 });
  if (runs.code !== 0) throw new AppError('DEPLOY_AGENT_DOES_NOT_RUN', { host, why: said(runs) });
}

const said = (result: { code: number; stderr: string; stdout: string }): string =>
  (result.stderr || result.stdout).trim().slice(0, 300) || `exit code ${result.code}`;
