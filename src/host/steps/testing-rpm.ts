import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { testTree, type TestTree } from './testing.ts';

export interface Rpm {
  name: string;
  version: string;
  epoch?: number;
  /** `Requires: …`, `Conflicts: …`, one a line */
  tags?: string;
  /** path → text; those below /etc are settings files: `hard` in its name gives way to the package's, others do not */
  files?: Record<string, string>;
  /** scripts as a spec file has them; in Lua, which needs nothing of the tree */
  scripts?: string;
}

/** What a tree with one of them needs of this machine; null: it is all here. */
export function rpmMissing(manager: 'dnf' | 'zypper'): string | null {
  const missing = [manager, 'rpm', 'rpmbuild', 'createrepo_c'].filter((tool) => !fs.existsSync(`/usr/bin/${tool}`));
  if (missing.length > 0) return `needs ${missing.join(', ')} (apt-get install ${manager} rpm createrepo-c)`;
  return process.getuid?.() === 0 ? null : 'rpm works on another root as root only';
}

/** Where the plugins of dnf lie, which Debian does not install beside zypper; null: nowhere. */
export const dnfPlugins = (): string | null =>
  ['/usr/lib/python3/dist-packages', '/usr/local/lib/dnf-plugins-core'].find((at) =>
    fs.existsSync(join(at, 'dnf-plugins/versionlock.py')),
  ) ?? null;

const PATH = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';

/** A tree with the machine's real rpm and dnf or zypper working on it alone; packages come from a repository in it. */
export function rpmTree(manager: 'dnf' | 'zypper', installed: readonly Rpm[], offered: readonly Rpm[]): TestTree {
  const tree = testTree();
  const at = (path: string): string => join(tree.root, path);
  for (const dir of [
    'var/lib/rpm',
    'var/lib/dnf',
    'var/log',
    'var/cache/dnf',
    'tmp',
    'rpms',
    'etc/zypp/repos.d',
    'home',
  ])
    fs.mkdirSync(at(dir), { recursive: true });
  fs.rmSync(at('var/lib/dpkg'), { recursive: true });
  tree.put('etc/os-release', manager === 'dnf' ? 'ID=rocky\nID_LIKE="rhel fedora"\n' : 'ID=opensuse-leap\n');
  tree.put('home/.rpmmacros', '%_dbpath /var/lib/rpm\n');
  const command = (name: string, line: string): void =>
    tree.put(
      `usr/bin/${name}`,
      `#!/bin/sh\n${PATH} HOME=${at('home')} PYTHONPATH=${dnfPlugins() ?? ''} exec /usr/bin/${line} "$@"\n`,
    );
  command('rpm', `rpm --root ${tree.root} --force-debian`);
  tree.put('usr/bin/env', '#!/bin/sh\nexec /usr/bin/env "$@"\n');
  tree.put('etc/dnf/dnf.conf', '[main]\n');
  tree.put('etc/dnf/plugins/versionlock.conf', '[main]\nenabled=1\nlocklist=/etc/dnf/plugins/versionlock.list\n');
  tree.put('etc/dnf/plugins/versionlock.list', '');
  // For dnf, which sees the whole machine.
  const locks = at('etc/dnf/plugins/versionlock.list');
  tree.put('home/plugins/versionlock.conf', `[main]\nenabled=1\nlocklist=${locks}\n`);
  const options = {
    reposdir: at('etc/yum.repos.d'),
    cachedir: at('var/cache/dnf'),
    persistdir: at('var/lib/dnf'),
    logdir: at('var/log'),
    pluginconfpath: at('home/plugins'),
    ...(dnfPlugins() === null ? {} : { pluginpath: `${dnfPlugins()}/dnf-plugins` }),
  };
  const settings = Object.entries(options).map(([name, value]) => `--setopt=${name}=${value}`);
  if (manager === 'dnf')
    command(
      'dnf',
      `dnf --installroot=${tree.root} --releasever=1 --config=${at('etc/dnf/dnf.conf')} ${settings.join(' ')}`,
    );
  else command('zypper', `zypper --root ${tree.root}`);
  offerFrom(tree, `file://${at('rpms')}`);
  const files = installed.map((one) => buildRpm(tree, one));
  if (files.length > 0) execFileSync(at('usr/bin/rpm'), ['-i', '--nodeps', ...files], { stdio: 'pipe' });
  offer(tree, offered);
  return tree;
}

export function offerFrom(tree: TestTree, url: string): void {
  const text = `[shop]\nname=shop\nbaseurl=${url}\nenabled=1\nautorefresh=0\ngpgcheck=0\ntype=rpm-md\n`;
  for (const dir of ['etc/yum.repos.d', 'etc/zypp/repos.d']) tree.put(`${dir}/shop.repo`, text);
}

/** Adds packages to the repository; the tree's package manager does not know them before its lists are fetched anew. */
export function offer(tree: TestTree, rpms: readonly Rpm[]): void {
  for (const rpm of rpms) buildRpm(tree, rpm);
  execFileSync('createrepo_c', ['-q', join(tree.root, 'rpms')], { stdio: 'pipe' });
}

export function buildRpm(
  tree: TestTree,
  { name, version, epoch = 0, tags = '', files = {}, scripts = '' }: Rpm,
): string {
  const work = join(tree.root, 'tmp', `${name}-${version}`);
  const put = (path: string, text: string): void => {
    fs.mkdirSync(join(work, path, '..'), { recursive: true });
    fs.writeFileSync(join(work, path), text);
  };
  for (const [path, text] of Object.entries(files)) put(`files/${path}`, text);
  const listed = Object.keys(files).map((path) => {
    if (!path.startsWith('/etc/')) return path;
    return `%config${path.includes('hard') ? '' : '(noreplace)'} ${path}`;
  });
  const spec = `Name: ${name}
Epoch: ${epoch}
Version: ${version}
Release: 1
Summary: test
License: none
BuildArch: noarch
${tags}
%description
test
%install
mkdir -p %{buildroot}
if [ -d ${work}/files ]; then cp -a ${work}/files/. %{buildroot}/; fi
%files
${listed.join('\n')}
${scripts}
`;
  put('package.spec', spec);
  const defines = {
    _topdir: work,
    _rpmdir: join(tree.root, 'rpms'),
    _build_name_fmt: '%%{NAME}-%%{VERSION}.rpm',
    _buildhost: 'test',
  };
  const args = Object.entries(defines).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  execFileSync('rpmbuild', ['-bb', '--quiet', ...args, join(work, 'package.spec')], { stdio: 'pipe' });
  return join(tree.root, 'rpms', `${name}-${version}.rpm`);
}
