/**
 * What `uname -r` says of a kernel package of Mageia, by the version of its source: kernel-desktop of kernel 6.6.120-1.mga9
 * runs as 6.6.120-desktop-1.mga9. Until Mageia 8 the version is part of the name (kernel-server-5.15.43-1.mga8, version
 * 1-1.mga8). Null: it holds no kernel, as its -devel, -latest and -source do not.
 */
export function mageiaKernelReleases({
  name,
  sourceVersion,
}: {
  name: string;
  sourceVersion: string;
}): string[] | null {
  const flavour =
    /^kernel-(desktop(?:586)?|linus|server|tmb-(?:desktop|laptop|server))(?:-\d[\w.]*-[\d.]+\.mga\d+)?$/.exec(
      name,
    )?.[1];
  if (flavour === undefined) return null;
  const [, version = '', build = ''] = /^(?:\d+:)?([^-]*)-(.*)$/.exec(sourceVersion) ?? [];
  const release = `${version}-${flavour}-${build}`;
  // The plain kernel of upstream has no flavour of its own to tell.
  return flavour === 'linus' ? [`${version}-${build}`, release] : [release];
}
