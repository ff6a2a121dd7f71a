/**
 * The flavour of a kernel of Red Hat's family: of its package (`kernel-rt-core`) and of what runs (`…el9_4.x86_64+rt`, and
 * before 8 `…el7.x86_64.debug`). Empty: it is the plain one, or none that is known.
 */
export function rpmKernelFlavour(text: string): string {
  const named = /^kernel-(.+?)(?:-core)?$/.exec(text) ?? /[+.]([^+.]+)$/.exec(text);
  return named && /^(?:rt|64k|debug)(?:-(?:64k|debug))*$/.test(named[1]!) ? named[1]! : '';
}

/**
 * What `uname -r` says of a kernel package of Red Hat's family: kernel-rt-core 5.14.0-427.13.1.el9_4 runs as
 * 5.14.0-427.13.1.el9_4.x86_64+rt. One that is built from a source of its own, as before 9.3, has it in its version and not
 * behind it: 5.14.0-284.11.1.rt14.296.el9_2.x86_64.
 */
export function rpmKernelRelease({ name, version, arch }: { name: string; version: string; arch: string }): string {
  const flavour = rpmKernelFlavour(name);
  const behind = isRealTime(version) ? withoutRealTime(flavour) : flavour;
  return `${version.replace(/^\d+:/, '')}.${arch}${behind === '' ? '' : `+${behind}`}`;
}

/** Is that package, of the version that runs, the one that runs? */
export function isFlavourOf(running: string, { name, version }: { name: string; version: string }): boolean {
  const plain = isRealTime(version) ? withoutRealTime : (flavour: string): string => flavour;
  return plain(rpmKernelFlavour(running)) === plain(rpmKernelFlavour(name));
}

const isRealTime = (version: string): boolean => /\.rt\d/.test(version);
const withoutRealTime = (flavour: string): string => flavour.replace(/^rt-?/, '');
