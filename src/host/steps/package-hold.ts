import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import type { Host } from '../host.ts';
import { DPKG_STATUS, readDpkgStatus } from '../packages/dpkg.ts';
import { NO_EFFECTS, type HostStep, type Seen } from './contract.ts';

/** Through apt, which keeps holds where dpkg and every other front end look for them. */
export const packageHold: HostStep<'package-hold'> = {
  kind: 'package-hold',
  async inspect(host, { name, hold }) {
    const before = await look(host, name);
    if (before.held === hold) return { before, effects: NO_EFFECTS, already: before };
    const change = hold ? `${name} is put on hold` : `${name} is let go`;
    return { before, effects: { ...NO_EFFECTS, files: [{ path: DPKG_STATUS, change }] } };
  },
  apply: (host, { name, hold }) => set(host, name, hold),
  undo: (host, { name }, before) => set(host, name, before['held'] === true),
};

interface Held extends Seen {
  name: string;
  version: string;
  held: boolean;
}

async function look(host: Host, name: string): Promise<Held> {
  if ((await host.stat(DPKG_STATUS)) === null) {
    const why = 'it has no dpkg, and holds of dnf, zypper and apk are not set by Lastember';
    throw new AppError('STEP_UNSUPPORTED', { kind: 'package-hold', why });
  }
  const fact = (await readDpkgStatus(host, '')).find((one) => one.name === name);
  if (!fact) throw new AppError('STEP_PACKAGE_ABSENT', { name });
  return { name, version: fact.version, held: fact.held === true };
}

async function set(host: Host, name: string, hold: boolean): Promise<Seen> {
  await run(host, ['apt-mark', hold ? 'hold' : 'unhold', name]);
  const now = await look(host, name);
  if (now.held === hold) return now;
  const what = `apt-mark ended well, but ${name} is ${now.held ? 'on hold' : 'not on hold'}`;
  throw new AppError('STEP_NOT_EFFECTIVE', { what });
}
