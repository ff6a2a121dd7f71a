import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { readText, type Host } from '../host.ts';
import { setLine } from '../settings/lines.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { keepCopy, restoreCopy } from './copy.ts';

/** Read last at boot, so that what was set stays set. */
const FILE = '/etc/sysctl.d/99-lastember.conf';

const normal = (value: string): string => value.trim().replace(/\s+/g, ' ');

async function current(host: Host, key: string): Promise<string> {
  if (!/^[\w.-]+$/.test(key)) throw new AppError('STEP_PATH', { path: key });
  const text = await readText(host, `/proc/sys/${key.replaceAll('.', '/')}`, 4096);
  if (text === null) throw new AppError('STEP_DRIFT', { what: `${key}: this kernel has no such parameter` });
  return normal(text);
}

const fileText = async (host: Host): Promise<string> => (await readText(host, FILE)) ?? '';
const withLine = (text: string, key: string, value: string): string =>
  setLine(text, { key, value, separator: ' = ' }, { ignoreCase: false, stopAt: null, place: 'end' });

/** Sets a kernel parameter now and for every later boot. */
export const sysctl: HostStep<'sysctl'> = {
  kind: 'sysctl',
  async inspect(host, { key, value }) {
    const now = await current(host, key);
    const before = { key, value: now, file: await keepCopy(host, FILE) };
    const text = await fileText(host);
    const already = now === normal(value) && withLine(text, key, value) === text;
    if (already) return { before, effects: NO_EFFECTS, already: { key, value: now } };
    return { before, effects: { ...NO_EFFECTS, files: [{ path: FILE, change: `${key} = ${value}` }] } };
  },
  async apply(host, { key, value }) {
    await host.mkdir('/etc/sysctl.d', 0o755);
    await host.write(FILE, Buffer.from(withLine(await fileText(host), key, value)), 0o644);
    return { key, value: await setNow(host, key, value) };
  },
  async undo(host, { key }, before) {
    await restoreCopy(host, { ...(before['file'] as object), path: FILE });
    return { key, value: await setNow(host, key, String(before['value'])) };
  },
};

async function setNow(host: Host, key: string, value: string): Promise<string> {
  await run(host, ['sysctl', '-w', `${key}=${value}`]);
  const now = await current(host, key);
  if (now === normal(value)) return now;
  throw new AppError('STEP_NOT_EFFECTIVE', { what: `sysctl ended well, but ${key} is ${now} instead of ${value}` });
}
