import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { serviceManager, type ServiceManager, type ServiceSigns } from './detect.ts';
import { AGENT_PATHS, AGENT_SERVICE_FILES } from '../../../../model/agent-paths.ts';
import { serviceEnds } from '../../../../model/agent-service.ts';
import { servicePlan } from './plan.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-service-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const MANAGERS: ServiceManager[] = ['systemd', 'openrc', 'sysv', 'cron', 'rc.local', 'none'];

const bare: ServiceSigns = {
  systemdAnswers: false,
  openrc: false,
  initScripts: false,
  registrar: null,
  firstProcess: null,
  inittab: false,
  cron: false,
  rcLocal: false,
};
const debian: ServiceSigns = { ...bare, initScripts: true, registrar: 'update-rc.d', cron: true };

const FIXTURES: [string, ServiceSigns, ServiceManager][] = [
  ['Debian 12', { ...debian, systemdAnswers: true, firstProcess: 'systemd' }, 'systemd'],
  ['Debian with sysvinit-core', { ...debian, firstProcess: 'init', inittab: true }, 'sysv'],
  ['Devuan whose /proc is hidden', { ...debian, inittab: true }, 'sysv'],
  ['CentOS 6', { ...bare, initScripts: true, registrar: 'chkconfig', firstProcess: 'init', cron: true }, 'sysv'],
  ['Debian in a container, systemctl lies about', { ...debian, firstProcess: 'sh' }, 'cron'],
  ['a container with nothing', { ...bare, firstProcess: 'nginx' }, 'none'],
  ['runit on Void', { ...bare, firstProcess: 'runit', cron: true }, 'cron'],
  ['Gentoo', { ...bare, openrc: true, initScripts: true, firstProcess: 'init', inittab: true, cron: true }, 'openrc'],
  ['Slackware', { ...bare, firstProcess: 'init', inittab: true, rcLocal: true }, 'rc.local'],
];
for (const [name, signs, manager] of FIXTURES)
  test(`${name}: ${manager}`, () => assert.equal(serviceManager(signs), manager));

test('whatever was found, what is chosen is there', () => {
  const signs = fc.record<ServiceSigns>({
    systemdAnswers: fc.boolean(),
    openrc: fc.boolean(),
    initScripts: fc.boolean(),
    registrar: fc.constantFrom(null, 'update-rc.d', 'chkconfig'),
    firstProcess: fc.constantFrom(null, 'init', 'systemd', 'sh'),
    inittab: fc.boolean(),
    cron: fc.boolean(),
    rcLocal: fc.boolean(),
  });
  fc.assert(
    fc.property(signs, (found) => {
      const needs: Record<ServiceManager, boolean> = {
        systemd: found.systemdAnswers,
        openrc: found.openrc,
        sysv: found.initScripts && found.registrar !== null,
        cron: found.cron,
        'rc.local': found.rcLocal,
        none: true,
      };
      assert.ok(needs[serviceManager(found)]);
    }),
  );
});

test('every file of every plan is on the list of what uninstalling removes, and below our own names', () => {
  for (const manager of MANAGERS)
    for (const { path } of servicePlan(manager, AGENT_PATHS.program).files) {
      assert.ok(AGENT_SERVICE_FILES.includes(path), path);
      assert.match(path, /lastember/);
    }
});

type Command = readonly string[];

test('uninstalling tells what runs the agent by what is there, and ends all of it', () => {
  for (const manager of MANAGERS)
    for (const registrar of ['update-rc.d', 'chkconfig'] as const) {
      const plan = servicePlan(manager, AGENT_PATHS.program, registrar);
      const text = (path: string): string | null => plan.files.find((file) => file.path === path)?.text ?? null;
      const ends = serviceEnds({
        initScript: text(AGENT_PATHS.initScript),
        control: text(AGENT_PATHS.control) !== null,
        rcLocal: manager === 'rc.local',
      });
      const missing = (wanted: readonly Command[], there: readonly Command[]): string[] => {
        const lines = there.map((one) => one.join(' '));
        return wanted.map((one) => one.join(' ')).filter((line) => !lines.includes(line));
      };
      assert.deepEqual(missing(plan.end, ends.end), [], manager);
      assert.deepEqual(missing(plan.after, ends.after), [], manager);
    }
});

test('every script is one for a POSIX shell', () => {
  const shells = ['sh', 'dash'].filter((shell) => spawnSync(shell, ['-c', ':']).status === 0);
  const commands = [AGENT_PATHS.program, `/usr/bin/node ${AGENT_PATHS.bundle}`];
  const files = MANAGERS.flatMap((manager) => commands.flatMap((command) => servicePlan(manager, command).files));
  const scripts = files.filter(({ text }) => text.startsWith('#!'));
  assert.ok(scripts.length > 0);
  for (const { text } of scripts) for (const shell of shells) execFileSync(shell, ['-n'], { input: text });
});

test('systemd understands each word of the unit', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('there is no systemd-analyze here');
  const [unit] = servicePlan('systemd', '/bin/true').files;
  const path = join(dir, 'lastember-agent.service');
  writeFileSync(path, unit!.text);
  const said = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  const ours = said.stderr.split('\n').filter((line) => /lastember-agent\.service/.test(line));
  assert.deepEqual(ours, []);
});

test('rc.local gets our line once, before its exit, and loses it again', () => {
  const plan = servicePlan('rc.local', AGENT_PATHS.program);
  const file = join(dir, 'rc.local');
  const before = '#!/bin/sh -e\necho hello\nexit 0\n';
  const shell = (command: readonly string[]): void => {
    execFileSync('sh', ['-c', command[2]!.replaceAll(AGENT_PATHS.rcLocal, file)]);
  };
  const read = (): string => execFileSync('cat', [file], { encoding: 'utf8' });
  writeFileSync(file, before, { mode: 0o755 });
  shell(plan.begin[0]!);
  shell(plan.begin[0]!);
  assert.match(read(), /^echo hello\n\[ ! -x (\S+) \] \|\| \1 start\nexit 0\n$/m);
  assert.equal(read().match(/start/g)?.length, 1);
  shell(plan.end.at(-1)!);
  assert.equal(read(), before);
});
