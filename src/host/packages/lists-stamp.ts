import type { Host } from '../host.ts';

/** Where dnf, zypper and apk keep what they know of their archives; a file or directory of each archive. */
const KEPT = ['/var/cache/dnf', '/var/cache/libdnf5', '/var/cache/zypp/solv', '/var/cache/apk'];
/** Other files there change whenever somebody asks. */
const CHANGES_WHEN_ASKED = /^@System$|\.(?:json|pid|lock)$/;

/** Changes whenever what dnf, zypper or apk offers may have changed. */
export async function cacheStamp(host: Host): Promise<string> {
  const found: string[] = [];
  for (const at of KEPT)
    for (const name of (await host.list(at)) ?? [])
      if (!CHANGES_WHEN_ASKED.test(name)) found.push(`${name}:${(await host.stat(`${at}/${name}`))?.mtime ?? 0}`);
  return found.join(' ');
}
