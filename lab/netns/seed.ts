/** Writes what makes a host this host: the files of its upper directory, before it starts. */
import { chmodSync, cpSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Archive } from './archive.ts';
import { filesOfMachine } from './machine/seed.ts';
import { hostDir, type Place } from './place.ts';
import { setupScript } from './setup-script.ts';
import { addressOn, LAB_ADDRESS, MIRROR_PORT, type HostSpec, type Segment } from './spec.ts';

export interface Seed {
  spec: HostSpec;
  /** all hosts of the lab, whether up or not: they know each other by name */
  neighbours: readonly HostSpec[];
  /** public key that may log in */
  publicKey: string;
  archive: Archive;
  /** directory of its release */
  rootfs: string;
}

const GUEST = join(import.meta.dirname, 'guest');

export function writeSeed(place: Place, seed: Seed): void {
  const { spec } = seed;
  const dir = hostDir(place, spec.name);
  const upper = join(dir, 'upper');
  for (const part of ['upper', 'work', 'root', 'disk']) mkdirSync(join(dir, part), { recursive: true, mode: 0o755 });
  const put = (path: string, text: string, mode = 0o644): void => {
    const target = join(upper, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, text);
    chmodSync(target, mode);
  };
  put('/etc/hostname', `${spec.name}\n`);
  put('/etc/hosts', hostsFile(seed));
  put('/etc/resolv.conf', '');
  // Empty, not absent: the release's own names the mirror that it was made from, which a host cannot reach.
  put('/etc/apt/sources.list', '');
  put('/etc/apt/sources.list.d/debian.sources', aptSources(seed));
  put('/etc/apt/apt.conf.d/90lab', ['Acquire::Languages "none";', ...seed.archive.options, ''].join('\n'));
  put('/etc/lab/setup.sh', setupScript(spec, seed.publicKey), 0o700);
  if (!spec.machine) guestPrograms(upper, seed.rootfs, spec.systemctl ?? true);
  const machine = spec.machine ? filesOfMachine(spec) : {};
  for (const [path, file] of Object.entries({ ...machine, ...spec.files })) {
    const { text, mode } = typeof file === 'string' ? { text: file, mode: 0o644 } : file;
    put(path, text, mode);
  }
}

/** /sbin is a link to /usr/sbin on some releases and a directory on others; a directory in ours would hide the link. */
function guestPrograms(upper: string, rootfs: string, systemctl: boolean): void {
  const sbin = join(upper, lstatSync(join(rootfs, 'sbin')).isSymbolicLink() ? 'usr/sbin' : 'sbin');
  const install = (source: string, target: string): void => {
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    cpSync(join(GUEST, source), target);
    chmodSync(target, 0o755);
  };
  install('init.sh', join(sbin, 'init'));
  install('runlevel.sh', join(sbin, 'runlevel'));
  install('telinit.sh', join(sbin, 'telinit'));
  for (const name of ['reboot', 'shutdown', 'poweroff', 'halt']) install('reboot.sh', join(sbin, name));
  if (systemctl) install('systemctl.py', join(upper, 'usr/bin/systemctl'));
  install('unit.py', join(upper, 'usr/local/lib/lab/unit.py'));
  install('clock.sh', join(upper, 'usr/local/lib/lab/clock.sh'));
}

function hostsFile({ spec, neighbours }: Seed): string {
  const lines = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost', `127.0.1.1\t${spec.name}`];
  const segments: Segment[] = [0, 1];
  const ours = segments.filter((segment) => addressOn(spec, segment) !== null);
  for (const other of neighbours) {
    const shared = ours.map((segment) => addressOn(other, segment)).find((address) => address !== null);
    if (other.name !== spec.name && shared) lines.push(`${shared}\t${other.name}`);
  }
  return `${lines.join('\n')}\n`;
}

function aptSources({ spec, archive }: Seed): string {
  const mirror = spec.mirror ?? `http://${LAB_ADDRESS}:${MIRROR_PORT}`;
  const stanza = (path: string, suite: string): string => `Types: deb
URIs: ${mirror}/${path}
Suites: ${suite}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;
  const stanzas = [stanza('debian', spec.release)];
  if (archive.security) stanzas.push(stanza('debian-security', `${spec.release}-security`));
  return stanzas.join('\n');
}
