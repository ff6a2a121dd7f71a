import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import type { ServiceManager } from './detect.ts';
import { AGENT_PATHS } from '../../../../model/agent-paths.ts';
import { servicePlan } from './plan.ts';

/**
 * The real OpenRC and the real update-rc.d, on a copy-on-write copy of this machine in namespaces of its own, with the
 * real agent, whose server is away.
 */
const dir = mkdtempSync(join(tmpdir(), 'lastember-managers-'));
const program = join(dir, 'lastember-agent.cjs');
const command = `${process.execPath} ${program}`;
/** Not the supervisor, among whose words are the agent's. */
const AGENT = `^${process.execPath} [^ ]*lastember-agent.cjs run`;
after(() => rmSync(dir, { recursive: true, force: true }));
before(async () => {
  const entry = join(import.meta.dirname, '../../../../agent/bin.ts');
  await build({ entryPoints: [entry], outfile: program, bundle: true, platform: 'node', format: 'cjs' });
});

const ENTER = `set -e
D=$1
mount -t tmpfs t "$D"
mkdir "$D/up" "$D/work" "$D/root" "$D/layer"
tar -xf "$2" -C "$D/layer"
mount -t overlay o -o "lowerdir=$D/layer:/,upperdir=$D/up,workdir=$D/work" "$D/root"
R=$D/root
mount -t proc p "$R/proc"
mount --rbind /dev "$R/dev"
mount -t tmpfs r "$R/run"
for each in started starting stopping inactive wasinactive failed hotplugged exclusive daemons options scheduled tmp; do mkdir -p "$R/run/openrc/$each"; done
echo default >"$R/run/openrc/softlevel"
exec chroot "$R" sh "$3" 2>&1
`;

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make namespaces with mounts';
  const tried = spawnSync('unshare', ['--mount', '--pid', '--fork', '--net', 'mount', '-t', 'tmpfs', 't', dir]);
  return tried.status === 0 ? false : 'this machine gives no namespaces to tests';
}

/** Files of Debian packages as a layer whose directories are not links, or null where they cannot be had. */
function layerOf(packages: string[]): string | null {
  const layer = join(dir, 'layer');
  mkdirSync(join(layer, 'usr'), { recursive: true });
  const got = spawnSync('apt-get', ['download', ...packages], { cwd: layer, timeout: 60_000 });
  if (packages.length > 0 && got.status !== 0) return null;
  const merge =
    'for d in *.deb; do [ ! -e "$d" ] || dpkg-deb -x "$d" .; done; rm -f *.deb; for d in bin sbin lib; do [ ! -d "$d" ] || [ -L "$d" ] || { cp -a "$d" usr/; rm -r "$d"; }; done; tar -cf ../layer.tar .';
  execFileSync('sh', ['-c', merge], { cwd: layer });
  rmSync(layer, { recursive: true });
  return join(dir, 'layer.tar');
}

/** Runs our plan for a service manager on the copy: begin, checks, end, after. What each part said. */
function live(manager: ServiceManager, layer: string, checks: string): string {
  const plan = servicePlan(manager, command);
  const config = {
    path: AGENT_PATHS.config,
    mode: 0o600,
    text: '{"server":"https://127.0.0.1:1","ca":"none","token":"lee_x"}',
  };
  const write = [...plan.files, config].map(
    ({ path, mode, text }) =>
      `mkdir -p ${dirname(path)}; cat >${path} <<'END_OF_FILE'\n${text}\nEND_OF_FILE\nchmod ${mode.toString(8)} ${path}`,
  );
  const words = (commands: readonly (readonly string[])[]): string[] => commands.map((argv) => argv.join(' '));
  const inside = [
    ...write,
    `agents() { pgrep -f "${AGENT}" | wc -l; }`,
    'until_agents() { n=120; while [ $n -gt 0 ] && [ "$(agents)" != "$1" ]; do n=$((n-1)); sleep 0.25; done; echo "agents: $(agents)"; }',
    ...words(plan.begin),
    checks,
    ...words(plan.end),
    ...plan.files.map(({ path }) => `rm ${path}`),
    ...words(plan.after),
    'until_agents 0',
  ].join('\n');
  const script = join(dir, `${manager}.sh`);
  writeFileSync(script, inside);
  const place = join(dir, 'place');
  mkdirSync(place, { recursive: true });
  const argv = ['--mount', '--pid', '--fork', '--net', '--kill-child', 'sh', '-c', ENTER, 'sh', place, layer, script];
  const { stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 90_000 });
  return stdout + stderr;
}

test('OpenRC starts the agent, starts it again when it is killed, stops it and forgets it', (t) => {
  const layer = whyNot() === false ? layerOf(['openrc', 'libeinfo1', 'librc1']) : null;
  if (layer === null) return t.skip(whyNot() || 'the package openrc cannot be had here');
  const said = live(
    'openrc',
    layer,
    `until_agents 1
rc-update show default | grep -o lastember-agent
pkill -9 -f "${AGENT}"; sleep 1
until_agents 1
rc-service lastember-agent status
rc-service lastember-agent restart >/dev/null 2>&1
until_agents 1
stat -c '%a' ${AGENT_PATHS.state} ${AGENT_PATHS.log}
n=120; while [ $n -gt 0 ] && ! grep -q 'Enrolling waits' ${AGENT_PATHS.log}; do n=$((n-1)); sleep 0.25; done
grep -q 'Enrolling waits' ${AGENT_PATHS.log} && echo logs`,
  );
  assert.match(
    said,
    /agents: 1\n[^]*lastember-agent\n[^]*agents: 1\n[^]*started[^]*agents: 1\n700\n600\nlogs\n[^]*agents: 0\n/,
    said,
  );
});

test('update-rc.d takes the init script and lets go of it; the script starts and stops the agent', (t) => {
  const why = whyNot() || (spawnSync('update-rc.d', ['--help']).error ? 'there is no update-rc.d here' : false);
  const layer = why === false ? layerOf([]) : null;
  if (layer === null) return t.skip(String(why));
  const said = live(
    'sysv',
    layer,
    `until_agents 1
ls /etc/rc2.d /etc/rc0.d | grep lastember-agent
${AGENT_PATHS.initScript} status
service lastember-agent restart
until_agents 1`,
  );
  assert.match(said, /agents: 1\n[^]*K\d\dlastember-agent[^]*runs \(\d+\)[^]*agents: 1\n[^]*agents: 0\n/, said);
  assert.match(said, /S\d\dlastember-agent/);
});
