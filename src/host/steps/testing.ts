import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepContext } from './contract.ts';

/** systemctl of a tree: one service, whose main process changes with every restart; `fail` makes it die. */
const SYSTEMCTL = `#!/bin/sh
pid=$(/bin/cat run/pid)
case "$1" in
  show) state=$(/bin/cat run/state); [ "$state" = active ] || pid=0
    printf 'Id=shop.service\\nActiveState=%s\\nUnitFileState=enabled\\nMainPID=%s\\nFragmentPath=\\nExecStart=x\\n' "$state" "$pid" ;;
  restart|start) echo $((pid + 1)) > run/pid; if [ -e run/fail ]; then echo failed; else echo active; fi > run/state; echo "$1" >> run/log ;;
  stop) echo inactive > run/state; echo "$1" >> run/log ;;
  reload) echo reload >> run/log ;;
esac
`;

/** apt of a tree: installs exactly the versions that stand in repo/, one file a package version. */
const APT_GET = `#!/bin/sh
[ "$1" = update ] && exit 0
for word in "$@"; do [ "$word" = -d ] && exit 0; done
simulate=; for word in "$@"; do [ "$word" = --print-uris ] && simulate=1; done
for word in "$@"; do case "$word" in -*) ;; *=*)
  name=\${word%%=*}; version=\${word#*=}
  [ -e "repo/$name=$version" ] || { echo "E: Version '$version' for '$name' was not found" >&2; exit 100; }
  old=$(/bin/sed -n "/^Package: $name$/,/^$/s/^Version: //p" var/lib/dpkg/status)
  if [ -n "$simulate" ]; then printf 'The following packages will be upgraded:\\n   %s (%s => %s)\\n' "$name" "$old" "$version"; /bin/cat repo/extra 2>/dev/null
  else /bin/sed -i "/^Package: $name$/,/^$/s/^Version: .*/Version: $version/" var/lib/dpkg/status; echo "$name $version" >> run/installed; fi ;;
esac; done
[ -z "$simulate" ] || echo "1 upgraded, 0 newly installed, $(/bin/cat repo/going 2>/dev/null || echo 0) to remove and 0 not upgraded."
exit 0
`;
const APT_CACHE = `#!/bin/sh
shift
for name in "$@"; do printf '%s:\\n  Installed: ?\\n  Candidate: %s\\n  Version table:\\n *** x 0\\n' "$name" "$(/bin/cat "repo/candidate.$name" 2>/dev/null || /bin/cat repo/candidate)"; done
`;
const SYSCTL = `#!/bin/sh
key=\${2%%=*}; path=proc/sys/$(echo "$key" | /bin/tr . /); echo "\${2#*=}" > "$path"
`;
const SSHD = `#!/bin/sh
case "$(/bin/cat "./$3")" in *Nonsense*) echo "line 1: Bad configuration option: Nonsense" >&2; exit 255;; esac
`;

export interface TestTree {
  root: string;
  file(path: string): string;
  put(path: string, text: string, mode?: number): void;
  remove(): void;
}

/** A host's file tree with the commands that steps use, working on that tree alone. For tests only. */
export function testTree(files: Record<string, string> = {}): TestTree {
  const root = fs.mkdtempSync(join(tmpdir(), 'lastember-steps-'));
  const tree: TestTree = {
    root,
    file: (path) => fs.readFileSync(join(root, path), 'utf8'),
    put: (path, text, mode = text.startsWith('#!') ? 0o755 : 0o644) => {
      fs.mkdirSync(join(root, path, '..'), { recursive: true });
      fs.writeFileSync(join(root, path), text);
      fs.chmodSync(join(root, path), mode);
    },
    remove: () => fs.rmSync(root, { recursive: true, force: true }),
  };
  const commands = { systemctl: SYSTEMCTL, 'apt-get': APT_GET, 'apt-cache': APT_CACHE, sysctl: SYSCTL };
  for (const [name, text] of Object.entries(commands)) tree.put(`usr/bin/${name}`, text);
  tree.put('usr/sbin/sshd', SSHD);
  tree.put('etc/hostname', 'shop\n');
  tree.put('run/pid', '100\n');
  tree.put('run/state', 'active\n');
  tree.put('var/lib/dpkg/status', DPKG);
  tree.put('repo/candidate', '0.10.48-1\n');
  for (const version of ['0.10.0-1', '0.10.48-1']) tree.put(`repo/nodejs=${version}`, '');
  for (const [path, text] of Object.entries(files)) tree.put(path, text);
  return tree;
}

const DPKG = `Package: nodejs
Status: install ok installed
Architecture: amd64
Version: 0.10.0-1

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2024a-1

`;

/** A step by itself, the first time. */
export const stepContext = (more: Partial<StepContext> = {}): StepContext => ({
  inputs: {},
  task: { steps: [] },
  resumed: null,
  earlier: [],
  login: null,
  now: () => new Date(),
  ...more,
});
