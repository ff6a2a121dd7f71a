import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { parseMounts } from '../machine/mounts.ts';
import { by, type FactSection } from './look.ts';

/** As process 1 sees them: the agent's own service may have private ones. Who is not root may only see its own. */
const TABLES = ['/proc/1/mounts', '/proc/mounts'];

/** What is mounted, with the options in force. */
export const mounts: FactSection<'mounts'> = {
  name: 'mounts',
  version: 2,
  async collect({ host }) {
    return parseMounts(await table(host)).sort(by((fact) => fact.target));
  },
};

async function table(host: Host): Promise<string> {
  for (const path of TABLES) {
    const text = await readText(host, path).catch(() => null);
    if (text !== null && text !== '') return text;
  }
  // Every host has mounts: none would be a lie that all rules about them pass on.
  throw new AppError('HOST_FILE', { doing: 'reading', path: TABLES[1]!, why: 'it is not there' });
}
