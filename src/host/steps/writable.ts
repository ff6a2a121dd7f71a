import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { parseMounts } from '../machine/mounts.ts';

/** Where every package writes. dpkg finds out when it is half-way through the first, and cannot take that back there. */
const PLACES = ['/usr', '/etc', '/var/lib/dpkg'];

/** Says what is mounted read-only before a package manager begins, unless it has been told to mount it for the time. */
export async function mustBeWritable(host: Host): Promise<void> {
  const table = await readText(host, '/proc/self/mounts').catch(() => null);
  const sealed = sealedAmong(PLACES, table ?? '');
  if (sealed.length === 0) return;
  const hooks = await host.exec(['apt-config', 'dump', 'DPkg::Pre-Invoke'], { timeoutMs: 15_000 });
  if (/\bmount\b/.test(hooks.stdout)) return;
  throw new AppError('STEP_READ_ONLY', { paths: sealed.join(', ') });
}

/** Those of these paths that lie on something that is mounted read-only. */
export function sealedAmong(paths: readonly string[], table: string): string[] {
  const mounts = parseMounts(table);
  return paths.filter((path) => {
    const over = mounts.filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`));
    const nearest = over.toSorted((a, b) => b.target.length - a.target.length)[0];
    return nearest?.options.includes('ro') ?? false;
  });
}
