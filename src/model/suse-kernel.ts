/**
 * What `uname -r` says of a kernel package of SUSE: kernel-default 5.14.21-150500.55.88.1 runs as
 * 5.14.21-150500.55.88-default. The last number counts rebuilds, and no kernel knows it; where a package is built from a
 * commit, that stands behind it and stays (5.8.0-3.1.gd4e7682). A candidate 5.13~rc7 calls itself 5.13.0-rc7.
 */
export function suseKernelRelease(packageVersion: string, flavour: string): string {
  const [, version = '', build = ''] = /^(?:\d+:)?([^-]*)-(.*)$/.exec(packageVersion) ?? [];
  const source = build.replace(/\.\d+(?=(?:\.g[0-9a-f]+)?$)/, '');
  const candidate = version.replace(/^(\d+\.\d+)~(rc\d+)$/, '$1.0-$2').replace('~', '-');
  return `${candidate}-${source}-${flavour}`;
}

/**
 * kernel-default-base is the kernel of kernel-default, with fewer modules. Where it is built from a source of its own, its
 * version has the kernel's in front: 5.14.21-150500.55.88.1.150500.6.40.1, before Leap 15.3 with lp152 or no mark at all. Null:
 * it is no such package.
 */
export function suseBaseOf({
  name,
  source,
  version,
}: {
  name: string;
  source: string;
  version: string;
}): { flavour: string; version: string } | null {
  const flavour = /^kernel-([a-z0-9]+)-base$/.exec(name)?.[1];
  if (flavour === undefined) return null;
  const own = version.replace(/\.(?:(?:lp\d{3}|\d{6})\.)?\d+\.\d+\.\d+$/, '');
  return { flavour, version: source === name ? own : version };
}
