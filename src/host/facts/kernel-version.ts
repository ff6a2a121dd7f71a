import { readText } from '../host.ts';
import type { Look } from './look.ts';
import { ecosystem } from './shared.ts';

/**
 * Version of the package that the running kernel was built as, told by the kernel itself: what is installed may be
 * newer. Null for a kernel that is not the distribution's own, as in a container on another system.
 */
export async function kernelVersion(look: Look): Promise<string | null> {
  const read = async (path: string): Promise<string> => (await readText(look.host, path, 4096)) ?? '';
  switch (await ecosystem(look)) {
    case 'Debian':
      return debianKernel(await read('/proc/version'));
    case 'Ubuntu':
      return ubuntuKernel(await read('/proc/version_signature'));
    default:
      return null;
  }
}

/** `… #1 SMP Debian 6.1.76-1 (2024-02-01)`, before jessie without the date; before wheezy behind the release instead. */
export function debianKernel(version: string): string | null {
  const text = version.trim();
  const match =
    /^Linux version .* #\d+ (?:[A-Z_]+ )*Debian (\S+)(?: \(\d{4}-\d\d-\d\d\))?$/.exec(text) ??
    /^Linux version \S+ \(Debian (\d[^\s()]*)\) \(.* #\d+ /.exec(text);
  return match?.[1] ?? null;
}

/** `Ubuntu 5.15.0-91.101-generic 5.15.131`: the package's version, the flavour, and what it is based on. */
export function ubuntuKernel(signature: string): string | null {
  const match = /^Ubuntu (\d[\d.]*-\d+\.\d+[\w.~+]*)-[a-z][\w-]*(?: \S+)?$/.exec(signature.trim());
  return match?.[1] ?? null;
}
