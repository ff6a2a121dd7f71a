import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemFiles, type Files, type Login } from './files.ts';
import { installPackages } from './packages.ts';
import { serviceFiles, type KeyAndCertificate } from './services.ts';
import type { HostSpec } from './spec.ts';

const GUEST = join(import.meta.dirname, '../guest');
/** What a host shows of the machine it really runs on. */
const SHARED_PROC = ['cpuinfo', 'loadavg', 'meminfo', 'stat', 'uptime', 'version'];
const DIRECTORIES = ['/opt', '/root', '/run', '/tmp', '/usr/local/bin', '/usr/sbin', '/var/lib', '/var/log'];

/** Builds one host's root directory from its description. The directory must not exist yet. */
export async function buildTree(options: {
  root: string;
  spec: HostSpec;
  login: Login;
  addressOf: (host: string) => string;
  certificates: ReadonlyMap<string, KeyAndCertificate>;
}): Promise<void> {
  const { root, spec, login, addressOf, certificates } = options;
  mkdirSync(root, { recursive: false, mode: 0o700 });
  for (const directory of DIRECTORIES) mkdirSync(join(root, directory), { recursive: true });
  writeFiles(root, systemFiles(spec, addressOf(spec.name), login));
  writeFiles(root, serviceFiles(spec, addressOf, certificates));
  for (const unit of ['ssh', ...spec.services.map(({ name }) => name)]) enable(root, unit);
  writeFiles(root, commands(root));
  for (const name of SHARED_PROC) symlinkSync(`/proc/${name}`, join(root, 'proc', name));
  if (spec.modernNode) symlinkSync(process.execPath, join(root, 'usr/bin/node'));
  await installPackages(root, spec);
}

function writeFiles(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const { text, mode } = typeof content === 'string' ? { text: content, mode: 0o644 } : content;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  }
}

function enable(root: string, unit: string): void {
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants');
  mkdirSync(wants, { recursive: true });
  symlinkSync(`/etc/systemd/system/${unit}.service`, join(wants, `${unit}.service`));
}

/** The host's commands are small scripts that know which tree is theirs. */
function commands(root: string): Files {
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const shell = (file: string): string =>
    `#!/bin/sh\nROOT=${quoted(root)}\n. ${quoted(join(GUEST, 'commands', file))}\n`;
  const script = (text: string): { text: string; mode: number } => ({ text, mode: 0o755 });
  return {
    '/bin/systemctl': script(shell('supervisor.sh')),
    '/usr/bin/apt-get': script(shell('supervisor.sh')),
    '/usr/bin/apt-cache': script(shell('supervisor.sh')),
    '/sbin/sysctl': script(shell('sysctl.sh')),
    '/bin/gzip': script(shell('gzip.sh')),
    '/bin/uname': script('#!/bin/sh\nPATH=/usr/bin:/bin exec uname "$@"\n'),
    // The account that logs in is in sudo without a password: what it runs is run as root.
    '/usr/bin/id': script('#!/bin/sh\n[ "$1" = -u ] && echo 0 || echo "uid=0(root) gid=0(root) groups=0(root)"\n'),
  };
}
