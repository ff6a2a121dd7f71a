import type { OldFile } from '../access/guard.ts';
import { readText, type Host } from '../host.ts';
import type { Earlier, Seen } from './contract.ts';
import { bytesOf } from './copy.ts';

/** Where a daemon of Debian's, Red Hat's and Alpine's kind keeps its settings: below its own name. */
function belongs(path: string, unit: string): boolean {
  const name = unit.replace(/(?:@.*)?(?:\.service)?$/, '');
  const names = /^sshd?$|^openssh-server$/.test(name) ? ['ssh'] : [name];
  return names.some(
    (one) =>
      path.startsWith(`/etc/${one}/`) ||
      path === `/etc/${one}.conf` ||
      ['default', 'sysconfig', 'conf.d', 'init.d'].some((at) => path === `/etc/${at}/${one}`) ||
      (unit.endsWith('.service') && path.startsWith(`/etc/systemd/system/${unit}`)),
  );
}

/** What `keepCopy` saw, wherever in a `before` it stands. */
function copiesIn(before: Seen): Seen[] {
  const listed = Array.isArray(before['files']) ? (before['files'] as Seen[]) : [];
  return [before, ...listed].filter((seen) => typeof seen['path'] === 'string' && typeof seen['exists'] === 'boolean');
}

/** Settings files of the unit that earlier steps of this task changed, as they were before the first of them. */
export async function oldFilesOf(host: Host, unit: string, earlier: readonly Earlier[]): Promise<OldFile[]> {
  const found = new Map<string, OldFile>();
  for (const seen of earlier.flatMap(({ before }) => copiesIn(before))) {
    const path = String(seen['path']);
    if (found.has(path) || !belongs(path, unit) || path.includes('\n')) continue;
    found.set(path, await oldFile(host, path, seen));
  }
  const changed: OldFile[] = [];
  for (const file of found.values()) if (await differs(host, file)) changed.push(file);
  return changed;
}

async function oldFile(host: Host, path: string, seen: Seen): Promise<OldFile> {
  const bytes = seen['exists'] === true ? await bytesOf(host, seen) : null;
  const now = await host.stat(path);
  const mode = Number.parseInt(String(seen['mode'] ?? '0644'), 8);
  return { path, bytes, mode, uid: now?.uid ?? 0, gid: now?.gid ?? 0 };
}

async function differs(host: Host, { path, bytes, mode }: OldFile): Promise<boolean> {
  const now = await readText(host, path);
  const old = bytes === null ? null : Buffer.from(bytes).toString('utf8');
  return now !== old || (now !== null && (await host.stat(path))?.mode !== mode);
}

export async function putBack(host: Host, files: readonly OldFile[]): Promise<void> {
  for (const { path, bytes, mode } of files) {
    if (bytes === null) await host.remove(path);
    else await host.write(path, bytes, mode);
  }
}
