import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { packageManager } from '../packages/find-manager.ts';
import type { Hold, PackageManager } from '../packages/manager.ts';
import { NO_EFFECTS, type HostStep, type Seen } from './contract.ts';

/** Through the host's own package manager, so that whoever works with it there finds the hold. */
export const packageHold: HostStep<'package-hold'> = {
  kind: 'package-hold',
  async inspect(host, { name, hold }) {
    const manager = await managerOf(host);
    const before = await look(manager, name);
    if (before.held === hold) return { before, effects: NO_EFFECTS, already: before };
    const change = hold ? `${name} is put on hold` : `${name} is let go`;
    return { before, effects: { ...NO_EFFECTS, files: [{ path: manager.holdsIn, change }] } };
  },
  apply: async (host, { name, hold }) => set(await managerOf(host), name, { held: hold, entry: null }),
  async undo(host, { name }, before) {
    const entry = typeof before['entry'] === 'string' ? before['entry'] : null;
    return set(await managerOf(host), name, { held: before['held'] === true, entry });
  },
};

const managerOf = (host: Host): Promise<PackageManager> => packageManager(host, 'package-hold');

interface Held extends Seen {
  name: string;
  version: string;
  held: boolean;
}

async function look(manager: PackageManager, name: string): Promise<Held> {
  const version = (await manager.installed()).get(name);
  if (version === undefined) throw new AppError('STEP_PACKAGE_ABSENT', { name });
  const { held, entry } = await manager.holdOf(name);
  return { name, version, held, ...(entry === null ? {} : { entry }) };
}

async function set(manager: PackageManager, name: string, wanted: Hold): Promise<Seen> {
  await manager.hold(name, wanted.held, wanted.entry);
  const now = await look(manager, name);
  if (now.held === wanted.held) return now;
  const what = `${manager.name} ended well, but ${name} is ${now.held ? 'on hold' : 'not on hold'}`;
  throw new AppError('STEP_NOT_EFFECTIVE', { what });
}
