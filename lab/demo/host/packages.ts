import { chmodSync, copyFileSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatStanzas, writeWhole, type Stanza } from '../guest/deb.ts';
import { oldRuntime, type OldVersion } from '../runtimes.ts';
import type { HostSpec } from './spec.ts';

/** name → [version, source package when it is called otherwise, a file or two that it owns] */
const BASE: Record<string, [version: string, source: string | null, files: string[]]> = {
  apt: ['0.9.7.9+deb7u7', null, ['/usr/bin/apt-get', '/usr/bin/apt-cache']],
  'base-files': ['7.1wheezy11', null, ['/etc/debian_version', '/etc/os-release']],
  bash: ['4.2+dfsg-0.1+deb7u4', null, []],
  'ca-certificates': ['20130119+deb7u2', null, []],
  coreutils: ['8.13-3.5', null, ['/bin/uname', '/usr/bin/id']],
  cron: ['3.0pl1-124+deb7u2', null, ['/etc/crontab']],
  dpkg: ['1.16.18', null, []],
  gzip: ['1.5-1.1', null, ['/bin/gzip']],
  libc6: ['2.13-38+deb7u12', 'eglibc', []],
  'libssl1.0.0': ['1.0.1e-2+deb7u21', 'openssl', []],
  login: ['1:4.1.5.1-1+deb7u1', 'shadow', ['/etc/login.defs']],
  openssl: ['1.0.1e-2+deb7u21', null, []],
  'openssh-server': ['1:6.0p1-4+deb7u6', 'openssh', ['/etc/systemd/system/ssh.service']],
  procps: ['1:3.3.3-3', null, ['/sbin/sysctl']],
  sudo: ['1.8.5p2-1+nmu3+deb7u4', null, ['/etc/sudoers']],
  systemd: ['44-11+deb7u5', null, ['/bin/systemctl']],
  tzdata: ['2016j-0+deb7u1', null, []],
  zlib1g: ['1:1.2.7.dfsg-13', 'zlib', []],
};

export const NODE_BINARY = '/usr/lib/nodejs/bin/node';
export const debVersion = (version: OldVersion): string => `${version}-1`;

function stanza(name: string, version: string, source: string | null): Stanza {
  const entry: Stanza = new Map([
    ['Package', name],
    ['Status', 'install ok installed'],
    ['Priority', 'optional'],
    ['Section', 'admin'],
    ['Maintainer', 'Demo estate <root@demo.test>'],
    ['Architecture', 'amd64'],
    ...(source ? [['Source', source] as const] : []),
    ['Version', version],
    ['Description', name],
  ]);
  return entry;
}

/** The dpkg database, the `nodejs` files as installed, and the repository that apt installs from. */
export async function installPackages(root: string, spec: HostSpec): Promise<void> {
  const extra = Object.entries(spec.packages ?? {});
  const all = [
    ...Object.entries(BASE).map(([name, [version, source]]) => stanza(name, version, source)),
    ...extra.map(([name, version]) => stanza(name, version, null)),
    stanza('nodejs', debVersion(spec.runtime), null),
  ];
  const merged = new Map(all.map((entry) => [entry.get('Package')!, entry]));
  const sorted = [...merged.values()].sort((a, b) => (a.get('Package')! < b.get('Package')! ? -1 : 1));
  writeWhole(join(root, 'var/lib/dpkg/status'), formatStanzas(sorted));
  for (const [name, [, , files]] of Object.entries(BASE)) writeList(root, name, files);
  writeList(root, 'nodejs', [NODE_BINARY]);
  const binary = await oldRuntime(spec.runtime);
  place(binary, join(root, NODE_BINARY));
  for (const version of new Set<OldVersion>([spec.runtime, '0.10.48'])) {
    publish(root, debVersion(version), await oldRuntime(version));
  }
  mkdirSync(join(root, 'var/log'), { recursive: true });
  writeFileSync(join(root, 'var/log/dpkg.log'), '');
}

/** Puts a version of `nodejs` into a host's package repository; apt sees it after its next update. */
export function publish(root: string, version: string, binary: string): void {
  const dir = join(root, 'srv/apt/nodejs', version);
  mkdirSync(dir, { recursive: true });
  const control = stanza('nodejs', version, null);
  control.delete('Status');
  place(binary, join(dir, 'files', NODE_BINARY));
  writeFileSync(join(dir, 'control'), formatStanzas([control]));
}

function writeList(root: string, name: string, files: string[]): void {
  const parents = files.flatMap((file) =>
    file
      .split('/')
      .slice(1, -1)
      .map((_, at, parts) => `/${parts.slice(0, at + 1).join('/')}`),
  );
  const lines = ['/.', ...new Set([...parents, ...files])].sort();
  writeWhole(join(root, `var/lib/dpkg/info/${name}.list`), `${lines.join('\n')}\n`);
}

/** A second name for the cached file where the file systems allow it, else a copy. Installed files are never written to. */
function place(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
    chmodSync(target, 0o755);
  }
}
