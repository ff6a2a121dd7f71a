import { AppError } from '../../../model/errors/index.ts';
import type { Host } from '../../host.ts';
import { openKept, type Kept } from '../../tasks/kept.ts';
import type { Journal } from '../../tasks/journal.ts';
import type { SshHost } from '../index.ts';
import { Detached, isLoss, withDetached } from './detached.ts';
import { FarJournal } from './journal.ts';
import { lockHost } from './lock.ts';

export interface WorkOptions {
  /** over which access the host is changed; its files lie under this name */
  access: string;
  /** who is at it, for people who look at the host */
  name: string;
  now(): Date;
  signal: AbortSignal;
  /** asked before everything that is done on the host; throws when it is not ours to do any more */
  guard(): void;
}

/** A host that is locked, whose commands outlive the connection, with its journal. */
export interface Work {
  /** to look */
  host: Host;
  /** to change it, for one step: what was cut off there is not begun a second time */
  acting(scope: string): Host;
  journal: Journal;
  kept: Kept;
  /** journals that lie there of accesses over which the host was changed before this one */
  earlier(): Promise<Journal[]>;
  /** Is the way to the host gone, or the host not ours any more? Asks it. */
  lost(): Promise<boolean>;
  close(): Promise<void>;
}

const FORGET_MS = 30 * 24 * 3_600_000;
export const workDir = (access: string): string => `/var/lib/lastember/ssh/${access}`;

/** Takes the lock of the host, waits for what an earlier connection began there, and opens the journal. */
export async function openWork(remote: SshHost, options: WorkOptions): Promise<Work> {
  const { access, now, signal } = options;
  const lock = await lockHost(remote, options);
  const guard = (): void => {
    options.guard();
    if (!lock.isHeld()) throw new AppError('HOST_CONNECTION_LOST', { host: remote.name, doing: 'holding its lock' });
  };
  const guarded = withGuard(remote, guard);
  const detached = new Detached(guarded, lock.token);
  const dir = workDir(access);
  try {
    await detached.settle(signal);
    const forget = new Date(now().getTime() - FORGET_MS);
    const journal = await FarJournal.open(guarded, { dir, token: lock.token, forget });
    return {
      host: withDetached(guarded, detached),
      acting: (scope) => withDetached(guarded, detached, scope),
      journal,
      kept: openKept(guarded, dir),
      earlier: () => earlierJournals(guarded, access, lock.token),
      lost: () => isLost(guarded),
      close: async () => {
        await detached.clean().catch(() => {});
        await lock.free();
      },
    };
  } catch (error) {
    await lock.free();
    throw error;
  }
}

/** Nothing is forgotten of them: they are opened to remove what their tasks have left. */
async function earlierJournals(remote: SshHost, access: string, token: string): Promise<Journal[]> {
  const names = ((await remote.list(workDir('.'))) ?? []).filter((name) => /^[\w-]{1,100}$/.test(name));
  const journals: Journal[] = [];
  for (const name of names)
    if (name !== access)
      journals.push(await FarJournal.open(remote, { dir: workDir(name), token, forget: new Date(0) }));
  return journals;
}

export { isLoss };

async function isLost(remote: SshHost): Promise<boolean> {
  return remote.exec(['true'], { timeoutMs: 15_000 }).then(
    () => false,
    () => true,
  );
}

const ACTS = ['read', 'list', 'stat', 'readlink', 'exec', 'write', 'chmod', 'rename', 'remove', 'mkdir'] as const;

function withGuard(remote: SshHost, guard: () => void): SshHost {
  const guarded = { ...remote } as Record<string, unknown>;
  for (const name of ACTS) {
    const act = remote[name] as (...given: unknown[]) => Promise<unknown>;
    guarded[name] = async (...given: unknown[]): Promise<unknown> => {
      guard();
      return act(...given);
    };
  }
  return guarded as unknown as SshHost;
}
