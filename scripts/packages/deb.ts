import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCRIPTS, stage } from './tree.ts';

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** Builds the .deb with dpkg-deb; returns its path. `fast`: packed quickly and large, for tests. */
export async function buildDeb(out: string, version: string, fast: boolean): Promise<string> {
  const dir = join(out, 'deb');
  await stage(dir, 'deb');
  const architecture = ARCHITECTURES[process.arch]!;
  const size = execFileSync('du', ['-sk', dir], { encoding: 'utf8' }).split('\t')[0]!;
  mkdirSync(join(dir, 'DEBIAN'), { mode: 0o755 });
  const control = `Package: lastember-agent
Version: ${version}
Architecture: ${architecture}
Maintainer: Lastember <packages@lastember.invalid>
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libstdc++6
Section: admin
Priority: optional
Description: agent of Lastember
 Reports what is on this host, and carries out what its approvers signed.
 It enrolls at its first start, with a token of the server.
`;
  writeFileSync(join(dir, 'DEBIAN/control'), control, { mode: 0o644 });
  const script = (name: string, body: string): void => {
    writeFileSync(join(dir, 'DEBIAN', name), `#!/bin/sh\nset -e\n${body}`);
    chmodSync(join(dir, 'DEBIAN', name), 0o755);
  };
  script('postinst', `if [ "$1" = configure ]; then\n${SCRIPTS.installed}fi\n`);
  script('prerm', `if [ "$1" = remove ]; then\n${SCRIPTS.leaving}fi\n`);
  script(
    'postrm',
    `if [ "$1" = remove ] || [ "$1" = purge ]; then\n${SCRIPTS.gone}fi\nif [ "$1" = purge ]; then\n${SCRIPTS.purged}fi\n`,
  );
  const file = join(out, `lastember-agent_${version}_${architecture}.deb`);
  const packing = fast ? ['-Zgzip', '-z1'] : ['-Zxz'];
  execFileSync('dpkg-deb', ['--root-owner-group', ...packing, '--build', dir, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(dir, { recursive: true });
  return file;
}
