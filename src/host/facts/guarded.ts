import { dirname, join, normalize } from 'node:path/posix';
import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { unescaped } from '../machine/mounts.ts';
import { remembered } from '../remembered.ts';

/** A server, or a program of some user, answers for these; when it does not, whoever asks waits for ever. */
const ELSEWHERE =
  /^(?:9p|afs|autofs|beegfs|ceph|cifs|coda|davfs|fuse|fuse\.(?!lxcfs).*|gfs2?|glusterfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|pvfs2|smb3|smbfs)$/;
/** Without these there is no host to look at; those that boot over a network have all of it there. */
const OURS = /^\/(?:|boot|boot\/efi|efi|etc|usr|var)$|^\/(?:dev|proc|run|sys)(?:\/|$)/;
const LINKS_LIMIT = 40;

/** File systems of others, by where they are mounted. */
export function elsewhere(mounts: string): readonly string[] {
  const types = new Map<string, string>();
  // Of several at one place the last one counts.
  for (const line of mounts.split('\n')) {
    const [, target, type] = line.split(' ').map(unescaped);
    if (target !== undefined && type !== undefined) types.set(target, type);
  }
  return [...types].flatMap(([target, type]) => (ELSEWHERE.test(type) && !OURS.test(target) ? [target] : []));
}

/** Each host has its own table; a look asks for it twice, and it hardly ever changes. */
const TABLES_KEPT = 2000;
const elsewhereIn = remembered(TABLES_KEPT, elsewhere);

/** Links that may still be followed for one question, whatever they lead to. */
interface Way {
  links: number;
  /** throws where we must not look */
  allow(at: string): void;
}

/**
 * The host without what lies on file systems of others: a question about that is refused at once, where the kernel may
 * never answer it, and with it one of the few threads that look at files. Links are followed here, a step at a time.
 */
export function guarded(host: Host): Host {
  let table: Promise<readonly string[]> | undefined;
  let isAllOurs = false;
  const places = new Map<string, string>();
  const check = async (doing: string, path: string, followsLast: boolean): Promise<void> => {
    const others = await (table ??= fileSystemsElsewhere(host));
    isAllOurs = others.length === 0;
    if (isAllOurs || /^\/(?:proc|sys)\//.test(path)) return;
    await placeOf(path, followsLast, { links: LINKS_LIMIT, allow: (at) => refuse(others, doing, at, path) });
  };
  /** Where a path really lies, looking only at what was found to be ours. */
  const placeOf = async (path: string, followsLast: boolean, way: Way): Promise<string> => {
    const whole = normalize(path).replace(/(.)\/$/, '$1');
    if (whole === '/') return whole;
    const directory = dirname(whole);
    const parent = places.get(directory) ?? (await placeOf(directory, true, way));
    places.set(directory, parent);
    const at = join(parent, whole.slice(whole.lastIndexOf('/') + 1));
    way.allow(at);
    const target = followsLast && way.links > 0 ? await host.readlink(at).catch(() => null) : null;
    if (target === null) return at;
    way.links -= 1;
    return placeOf(target.startsWith('/') ? target : join(parent, target), true, way);
  };
  return {
    ...host,
    // A look asks a thousand times: where there is nothing to check, no question takes a way around.
    read: (path, options) =>
      isAllOurs ? host.read(path, options) : check('reading', path, true).then(() => host.read(path, options)),
    list: (path) => (isAllOurs ? host.list(path) : check('listing', path, true).then(() => host.list(path))),
    stat: (path) => (isAllOurs ? host.stat(path) : check('looking at', path, true).then(() => host.stat(path))),
    readlink: (path) =>
      isAllOurs ? host.readlink(path) : check('looking at', path, false).then(() => host.readlink(path)),
  };
}

/** Where those of others are mounted. */
export async function fileSystemsElsewhere(host: Host): Promise<readonly string[]> {
  for (const path of ['/proc/self/mounts', '/proc/mounts', '/proc/1/mounts']) {
    const text = await readText(host, path).catch(() => null);
    if (text !== null && text !== '') return elsewhereIn(text);
  }
  return [];
}

function refuse(others: readonly string[], doing: string, at: string, path: string): void {
  const mount = others.find((target) => at === target || at.startsWith(`${target}/`));
  if (mount === undefined) return;
  throw new AppError('HOST_FILE', { doing, path, why: `${mount} is a file system of another machine or program` });
}
