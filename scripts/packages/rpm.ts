import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { agentFiles } from '../../src/loop/enrollment/logic/agent-files.ts';
import { AGENT_PACKAGE_MARK, AGENT_PATHS } from '../../src/model/agent-paths.ts';
import { COMMAND_PATH, SCRIPTS, stage, UNIT_PATH } from './tree.ts';

const ARCHITECTURES: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };

/** Builds the .rpm with rpmbuild; returns its path. An erased package leaves nothing, as a purged .deb. */
export async function buildRpm(out: string, version: string, fast: boolean): Promise<string> {
  const [dir, top] = [join(out, 'rpm-tree'), join(out, 'rpmbuild')];
  await stage(dir, 'rpm');
  mkdirSync(top, { recursive: true });
  const architecture = ARCHITECTURES[process.arch]!;
  const files = agentFiles();
  const owned = [AGENT_PATHS.program, AGENT_PACKAGE_MARK, UNIT_PATH, COMMAND_PATH];
  // The binary is Node's own: nothing of it is stripped, renamed, or looked into for what it needs.
  const spec = `%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%global _buildhost lastember
%global _binary_payload ${fast ? 'w1.gzdio' : 'w6.xzdio'}
Name: lastember-agent
Version: ${version}
Release: 1
Summary: Agent of Lastember
License: Apache-2.0 AND MIT
AutoReqProv: no
Requires: glibc >= 2.28, libstdc++
%description
Reports what is on this host, and carries out what its approvers signed.
It enrolls at its first start, with a token of the server.
%install
cp -a ${dir}/. %{buildroot}/
%post
${SCRIPTS.installed}%preun
if [ "$1" = 0 ]; then
${SCRIPTS.leaving}fi
%postun
${SCRIPTS.gone}if [ "$1" = 0 ]; then
${SCRIPTS.purged}fi
%files
%defattr(-,root,root,-)
%dir /opt/lastember
%dir %attr(0700,root,root) ${dirname(files.config)}
%doc /usr/share/doc/lastember-agent
${owned.join('\n')}
`;
  const specFile = join(top, 'lastember-agent.spec');
  writeFileSync(specFile, spec);
  const argv = [
    '-bb',
    '--quiet',
    '--target',
    architecture,
    '--define',
    `_topdir ${top}`,
    '--buildroot',
    join(top, 'root'),
    specFile,
  ];
  execFileSync('rpmbuild', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const name = `lastember-agent-${version}-1.${architecture}.rpm`;
  renameSync(join(top, 'RPMS', architecture, name), join(out, name));
  for (const path of [dir, top]) rmSync(path, { recursive: true });
  return join(out, name);
}
