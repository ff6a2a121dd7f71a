import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { agentFiles } from '../../src/loop/enrollment/logic/agent-files.ts';
import { makeOneFile } from '../../src/loop/enrollment/onefile/pack.ts';
import {
  AGENT_DIRS,
  AGENT_PACKAGE_MARK,
  AGENT_PATHS,
  AGENT_PROGRAMS,
  AGENT_UNIT,
} from '../../src/model/agent-paths.ts';

const ROOT = join(import.meta.dirname, '../..');
export const UNIT_PATH = `/usr/lib/systemd/system/${AGENT_UNIT}`;
export const COMMAND_PATH = '/usr/bin/lastember-agent';
/** Where a token for the first start may stand beside the settings: LASTEMBER_TOKEN=… */
export const ENVIRONMENT = '/etc/default/lastember-agent';

/** What a package holds, below `dir`: the agent as one file, and no identity. */
export async function stage(dir: string, format: 'deb' | 'rpm'): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  const files = agentFiles();
  const place = (path: string): string => {
    mkdirSync(dirname(join(dir, path)), { recursive: true, mode: 0o755 });
    return join(dir, path);
  };
  const write = (path: string, text: string | Uint8Array, mode: number): void => {
    writeFileSync(place(path), text);
    chmodSync(join(dir, path), mode);
  };
  const program = readFileSync(join(ROOT, 'dist/agent/lastember-agent.cjs'));
  const { bytes } = await makeOneFile({ program, runtime: process.execPath });
  write(AGENT_PATHS.program, bytes, 0o755);
  write(AGENT_PACKAGE_MARK, `${format}\n`, 0o644);
  write(UNIT_PATH, packagedUnit(files.unit.text), 0o644);
  write(COMMAND_PATH, `#!/bin/sh\nexec ${files.command} "$@"\n`, 0o755);
  copyFileSync(join(ROOT, 'LICENSE'), place('/usr/share/doc/lastember-agent/copyright'));
  chmodSync(join(dir, '/usr/share/doc/lastember-agent/copyright'), 0o644);
  mkdirSync(join(dir, dirname(files.config)), { recursive: true, mode: 0o755 });
  chmodSync(join(dir, dirname(files.config)), 0o700);
}

/** In an image nobody has settings yet; and who was refused is not to be asked again every five seconds. */
export function packagedUnit(text: string): string {
  return text
    .replace(
      '\n[Service]\n',
      `ConditionPathExists=${agentFiles().config}\n\n[Service]\nEnvironmentFile=-${ENVIRONMENT}\n`,
    )
    .replace('Restart=on-failure\n', 'Restart=on-failure\nRestartPreventExitStatus=2 4\n');
}

const { enabled, config, state, unit } = agentFiles();

/** Shell of both formats. Nothing is started in an image, nor before there are settings. */
export const SCRIPTS = {
  installed: `mkdir -p ${dirname(enabled.path)}
ln -sf ${UNIT_PATH} ${enabled.path}
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
  if [ -f ${config} ]; then systemctl restart ${AGENT_UNIT} || :; fi
fi
`,
  leaving: `if ls ${state}/open/*.json ${state}/ssh/*/open/*.json 2>/dev/null | grep -q . && [ -z "\${LASTEMBER_FORCE:-}" ]; then
  echo 'lastember-agent is in the middle of a change; wait for its end, or remove it with LASTEMBER_FORCE=1' >&2
  exit 1
fi
if [ -f ${state}/identity.json ]; then
  ${COMMAND_PATH} goodbye --reason 'its package was removed' >/dev/null 2>&1 || :
fi
if [ -d /run/systemd/system ]; then systemctl disable --now ${AGENT_UNIT} >/dev/null 2>&1 || :; fi
rm -f ${enabled.path}
`,
  gone: `if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi
`,
  purged: `for guard in ${state}/guard/*; do
  [ -e "$guard/armed" ] || continue
  sh "$guard/restore" "\${guard#/}" 0 "$(cat "$guard/unit" 2>/dev/null || echo -)" || :
done
rm -rf ${state} ${dirname(config)} ${ENVIRONMENT} ${unit.path} ${AGENT_PROGRAMS.join(' ')}
rmdir ${AGENT_DIRS[0]} 2>/dev/null || :
`,
} as const;
