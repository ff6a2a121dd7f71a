import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { testTree, type TestTree } from './testing.ts';

export interface Deb {
  name: string;
  version: string;
  /** path → text; those below /etc are settings files that dpkg looks after */
  files?: Record<string, string>;
  /** as in the field Depends */
  depends?: string;
  /** as in the field Conflicts */
  conflicts?: string;
  /** name of a maintainer script → its text */
  scripts?: Record<string, string>;
}

/** A tree with the machine's real dpkg and apt working on it alone; packages come from a repository in it. For tests only. */
export function dpkgTree(installed: readonly Deb[], offered: readonly Deb[]): TestTree {
  const tree = testTree();
  const at = (path: string): string => join(tree.root, path);
  for (const dir of [
    'var/lib/dpkg/info',
    'var/lib/dpkg/updates',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/log/apt',
    'etc/apt/apt.conf.d',
    'etc/apt/preferences.d',
    'debs',
    'tmp',
  ])
    fs.mkdirSync(at(dir), { recursive: true });
  tree.put('var/lib/dpkg/status', '');
  const options = [
    `--root=${tree.root}`,
    '--force-script-chrootless',
    '--log=/dev/null',
    '--force-not-root',
    '--force-bad-path',
  ];
  tree.put(
    'usr/bin/dpkg',
    `#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin exec /usr/bin/dpkg ${options.join(' ')} "$@"\n`,
  );
  tree.put(
    'etc/apt/test.conf',
    `Dir "${tree.root}/";
Dir::State::status "${at('var/lib/dpkg/status')}";
Dir::Bin::dpkg "${at('usr/bin/dpkg')}";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Etc::main "/dev/null";
APT::Architecture "all";
APT::Architectures { "all"; };
APT::Sandbox::User "root";
Dir::Log "${at('var/log/apt')}";
Acquire::Languages "none";
Acquire::GzipIndexes "false";
DPkg::Use-Pty "false";
`,
  );
  tree.put('etc/apt/sources.list', `deb [trusted=yes] file:${at('debs')} ./\n`);
  for (const tool of ['apt-get', 'apt-cache', 'apt-mark'])
    tree.put(
      `usr/bin/${tool}`,
      `#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin APT_CONFIG=${at('etc/apt/test.conf')} exec /usr/bin/${tool} "$@"\n`,
    );
  for (const deb of installed) execFileSync(at('usr/bin/dpkg'), ['-i', build(tree, deb)], { stdio: 'pipe' });
  const index = [...installed, ...offered].map((deb) => entry(build(tree, deb))).join('\n');
  tree.put('debs/Packages', index);
  execFileSync(at('usr/bin/apt-get'), ['update'], { stdio: 'pipe' });
  return tree;
}

function build(tree: TestTree, { name, version, depends, conflicts, files = {}, scripts = {} }: Deb): string {
  const work = join(tree.root, 'tmp', `${name}-${version}`);
  fs.rmSync(work, { recursive: true, force: true });
  const put = (path: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(join(work, path, '..'), { recursive: true });
    fs.writeFileSync(join(work, path), text, { mode });
  };
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\n${depends ? `Depends: ${depends}\n` : ''}${conflicts ? `Conflicts: ${conflicts}\n` : ''}Maintainer: Nobody <nobody@test>\nDescription: test\n`;
  put('DEBIAN/control', control);
  for (const [path, text] of Object.entries(files)) put(path, text);
  const settings = Object.keys(files).filter((path) => path.startsWith('/etc/'));
  if (settings.length > 0) put('DEBIAN/conffiles', `${settings.join('\n')}\n`);
  for (const [script, text] of Object.entries(scripts)) put(`DEBIAN/${script}`, text, 0o755);
  const path = join(tree.root, 'debs', `${name}_${version}_all.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', work, path], { stdio: 'pipe' });
  return path;
}

function entry(path: string): string {
  const control = execFileSync('dpkg-deb', ['-f', path], { encoding: 'utf8' }).trim();
  const bytes = fs.readFileSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return `${control}\nFilename: ./${path.split('/').at(-1)}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`;
}
