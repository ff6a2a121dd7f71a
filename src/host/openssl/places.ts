import { AppError } from '../../model/errors/index.ts';
import { OUTPUT_LIMIT, type Host } from '../host.ts';

const DEPTH = 8;
const MOST_FOUND = 2000;
const MOST_HOMES = 50;

/** Programs that are often built with an OpenSSL of their own. */
const PROGRAMS = ['node', 'nginx', 'openssl', 'httpd', 'haproxy', 'curl', 'python[0-9.]*', 'ruby', 'php*', 'postgres'];

/** Where people put what no package brings: language runtimes, virtual environments, what was built by hand. */
export function placesOf(homes: readonly string[]): string[] {
  const own = homes.filter((home) => /^\/(?:home|root|srv|opt|export|var\/lib)(?:\/|$)/.test(home) && home !== '/home');
  const all = [...new Set(['/opt', '/srv', '/usr/local', ...[...new Set(own)].sort().slice(0, MOST_HOMES)])];
  return all.filter((place) => !all.some((other) => place.startsWith(`${other}/`)));
}

/** Commands of a tree that stands for a host begin in it; over a network there is only one tree. */
const from = (host: Host, path: string): string => (host.far ? path : `.${path}`);
const back = (host: Host, path: string): string => (host.far ? path : path.slice(1));

/** Files below a place that may be or carry a copy. Not on other file systems, not for ever: what is not told whole is an error. */
export async function walk(host: Host, place: string, timeoutMs: number): Promise<string[]> {
  const named = ['libssl*.so*', 'libcrypto*.so*'].flatMap((name) => ['-o', '-name', name]).slice(1);
  const programs = PROGRAMS.flatMap((name) => ['-o', '-path', `*/bin/${name}`, '-o', '-path', `*/sbin/${name}`]);
  const bounds = ['-xdev', '-maxdepth', `${DEPTH}`, '-name', '.git', '-prune', '-o', '-type', 'f'];
  // The place itself may be a link; whoever asks has seen where it leads.
  const argv = ['find', '-H', from(host, place), ...bounds, '(', ...named, ...programs, ')', '-print'];
  const { code, stdout } = await host.exec(argv, { timeoutMs });
  const found = stdout.split('\n').filter(Boolean);
  // 1: something in it could not be entered, or went away meanwhile.
  if (code > 1 || found.length > MOST_FOUND)
    throw new AppError('HOST_FILE', { doing: 'looking through', path: place, why: `find ended with ${code}` });
  return found.map((path) => back(host, path));
}

/** The words in each file, told by the host's own grep, so that not even over SSH a file travels. Those it could not read are missing. */
export async function grep(
  host: Host,
  words: string,
  paths: readonly string[],
  timeoutMs: number,
): Promise<Map<string, string[]>> {
  const argv = ['grep', '-a', '-o', '-H', '-E', '-e', words, '--', ...paths.map((path) => from(host, path))];
  const { code, stdout, stderr } = await host.exec(['env', 'LC_ALL=C', ...argv], { timeoutMs });
  // One file can say more than is kept of all; then nobody knows what the others say.
  const isCut =
    Buffer.byteLength(stdout) >= OUTPUT_LIMIT || (code === 2 && !paths.some((path) => stderr.includes(path)));
  if (code > 2 || isCut)
    throw new AppError('HOST_FILE', { doing: 'reading', path: paths[0]!, why: `grep ended with ${code}` });
  const found = new Map(paths.map((path) => [path, [] as string[]]));
  // Where one of them cannot be read, which one is said in words of the host's language: those without an answer count as unread.
  if (code === 2) for (const path of paths) if (stderr.includes(path)) found.delete(path);
  for (const line of stdout.split('\n')) {
    const at = line.lastIndexOf(':');
    if (at > 0) found.get(back(host, line.slice(0, at)))?.push(line.slice(at + 1));
  }
  return found;
}
