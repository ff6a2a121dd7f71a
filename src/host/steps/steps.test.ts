import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../model/errors/index.ts';
import { SERVER_STEPS, Step } from '../../model/kit.ts';
import { canonicalText } from '../canonical.ts';
import { localHost } from '../local.ts';
import { readPrivateKey, spkiOf } from '../pki/read.ts';
import { setLine } from '../settings/lines.ts';
import { setSection } from '../settings/section.ts';
import { stepFor, type AnyHostStep, type Seen, type StepContext } from './index.ts';
import { HOST_STEPS } from './registry.ts';
import { stepContext as context, testTree, type TestTree } from './testing.ts';

const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));
function newTree(files: Record<string, string> = {}): TestTree {
  const tree = testTree(files);
  trees.push(tree);
  return tree;
}

const code = (expected: string) => (error: unknown) => isAppError(error) && error.code === expected;

interface Done {
  before: Seen;
  after: Seen;
  changed: boolean;
}
async function perform(tree: TestTree, step: AnyHostStep, given: StepContext = context()): Promise<Done> {
  const host = localHost({ root: tree.root });
  const found = await stepFor(step).inspect(host, step, given);
  if (found.already) return { before: found.before, after: found.already, changed: false };
  return { before: found.before, after: await stepFor(step).apply(host, step, found.before, given), changed: true };
}
const undo = (tree: TestTree, step: AnyHostStep, before: Seen): Promise<Seen> =>
  stepFor(step).undo(localHost({ root: tree.root }), step, before, context());

/** Everything below the parts of a tree that a step may change. */
function snapshot(tree: TestTree): Record<string, string> {
  const names = fs.readdirSync(tree.root, { recursive: true, encoding: 'utf8' }).sort();
  const kept = names.filter((name) => !/^(run|usr|repo|var\/lib\/lastember)/.test(name));
  return Object.fromEntries(
    kept.flatMap((name) => {
      const stat = fs.statSync(join(tree.root, name));
      return stat.isFile() ? [[name, `${(stat.mode & 0o7777).toString(8)} ${tree.file(name)}`]] : [];
    }),
  );
}

test('conformance: the registry holds every host step of the model, each under its own kind, with its file', () => {
  const server: readonly string[] = SERVER_STEPS;
  const kinds = Step.options.map((option) => option.shape.kind.value).filter((kind) => !server.includes(kind));
  assert.deepEqual(Object.keys(HOST_STEPS), kinds.sort());
  for (const [kind, step] of Object.entries(HOST_STEPS)) {
    assert.equal(step.kind, kind);
    assert.ok(fs.existsSync(join(import.meta.dirname, `${kind}.ts`)));
    for (const method of ['inspect', 'apply', 'undo'] as const) assert.equal(typeof step[method], 'function');
  }
});

const EXAMPLES: { step: AnyHostStep; files?: Record<string, string> }[] = [
  { step: { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' } },
  {
    step: { kind: 'set-file-line', path: '/etc/ssh/sshd_config', key: 'PermitRootLogin', separator: ' ', value: 'no' },
    files: { 'etc/ssh/sshd_config': 'Port 22\nPermitRootLogin yes\n' },
  },
  { step: { kind: 'write-file', path: '/etc/issue', content: 'Keep out.\n', mode: '0644' } },
  {
    step: { kind: 'write-file', path: '/etc/issue', content: 'Keep out.\n', mode: '0600' },
    files: { 'etc/issue': 'Welcome to Debian\n' },
  },
  {
    step: {
      kind: 'set-file-section',
      path: '/etc/ssh/sshd_config',
      name: 'sftp',
      comment: '#',
      content: 'Match Group sftp\n  ForceCommand internal-sftp',
    },
    files: { 'etc/ssh/sshd_config': 'Port 22\n' },
  },
  { step: { kind: 'set-file-mode', path: '/etc/crontab', mode: '0600' }, files: { 'etc/crontab': '# cron\n' } },
  {
    step: { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' },
    files: { 'proc/sys/net/ipv4/ip_forward': '1\n', 'etc/sysctl.d/99-lastember.conf': 'kernel.sysrq = 0\n' },
  },
];

for (const { step, files } of EXAMPLES) {
  test(`conformance: ${step.kind} inspects without changing, applies once, is idempotent, undoes exactly`, async () => {
    const tree = newTree(files);
    const host = localHost({ root: tree.root });
    const original = snapshot(tree);
    const found = await stepFor(step).inspect(host, step, context());
    assert.deepEqual(snapshot(tree), original, 'inspect changed something');
    assert.equal(found.already, undefined);
    assert.ok(found.effects.packages.length + found.effects.files.length > 0, 'no predicted effect');
    const first = await perform(tree, step);
    const changed = snapshot(tree);
    assert.ok(first.changed);
    assert.notDeepEqual(changed, original);
    assert.equal((await perform(tree, step)).changed, false, 'a second run finds nothing to do');
    await stepFor(step).apply(host, step, first.before, context({ resumed: first.before }));
    assert.deepEqual(snapshot(tree), changed, 'applying again ends in the same state');
    // What undo gets has been through the journal.
    await undo(tree, step, JSON.parse(canonicalText(first.before)) as Seen);
    assert.deepEqual(snapshot(tree), original);
  });
}

test('no step touches what the agent itself stands on, kernel interfaces, or paths that wander', async () => {
  const tree = newTree();
  const paths = [
    '/etc/lastember/agent.json',
    '/var/lib/lastember/approvers.json',
    '/opt/lastember/x',
    '/proc/sysrq-trigger',
    '/etc/../etc/lastember/agent.json',
    'etc/passwd',
    '/etc/',
    '/etc/systemd/system/lastember-agent.service',
    '/etc/systemd/system/lastember-agent.service.d/x.conf',
    '/etc/init.d/lastember-agent',
    '/etc/cron.d/lastember-agent',
    '/etc/default/lastember-agent',
    '/etc/systemd/system/multi-user.target.wants/lastember-agent.service',
    '/usr/lib/systemd/system/lastember-agent.service',
    '/usr/bin/lastember-agent',
    '/etc/rc.local',
    '/etc/rc.d/rc.local',
    '/etc/rc2.d/S01lastember-agent',
    '/etc/rc.d/rc3.d/K90lastember-agent',
    '/etc/runlevels/default/lastember-agent',
  ];
  for (const path of paths) {
    await assert.rejects(
      perform(tree, { kind: 'write-file', path, content: '', mode: '0600' }),
      code('STEP_PATH'),
      path,
    );
    await assert.rejects(perform(tree, { kind: 'set-file-mode', path, mode: '0777' }), code('STEP_PATH'), path);
  }
});

describe('upgrade-package', () => {
  const step: AnyHostStep = { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' };

  test('M.4: a newer candidate than planned is refused with the one-line difference', async () => {
    const tree = newTree({ 'repo/candidate': '0.10.49-1\n' });
    await assert.rejects(perform(tree, step), (error) => {
      assert.ok(isAppError(error, 'STEP_DRIFT'));
      assert.match(error.message, /nodejs: plan says 0\.10\.48-1, candidate is 0\.10\.49-1/);
      return true;
    });
    assert.match(tree.file('var/lib/dpkg/status'), /Version: 0\.10\.0-1/);
  });

  test('names what else apt would touch, and refuses what it would remove', async () => {
    const extra = '   libuv (0.10.1 => 0.10.9)\nThe following NEW packages will be installed:\n   libnew (1.0)\n';
    const tree = newTree({ 'repo/extra': extra });
    assert.deepEqual((await perform(tree, step)).before['also'], [
      { name: 'libuv', from: '0.10.1', to: '0.10.9' },
      { name: 'libnew', from: null, to: '1.0' },
    ]);
    const removing = newTree({
      'repo/extra': 'The following packages will be REMOVED:\n   shop\n',
      'repo/going': '1',
    });
    await assert.rejects(perform(removing, step), code('STEP_WOULD_REMOVE'));
  });

  test('stops where what apt says is not understood whole: it counts what goes, and does not name it, or does not count', async () => {
    const before = newTree().file('var/lib/dpkg/status');
    for (const going of ['1', '?']) {
      const tree = newTree({ 'repo/going': going });
      await assert.rejects(perform(tree, step), code('HOST_COMMAND'));
      assert.equal(tree.file('var/lib/dpkg/status'), before);
    }
  });

  test('a package that is not there, and a version that the archive lacks, are said', async () => {
    await assert.rejects(perform(newTree(), { ...step, name: 'apache2' } as AnyHostStep), code('STEP_PACKAGE_ABSENT'));
    const tree = newTree({ 'repo/candidate': '9-1\n' });
    await assert.rejects(perform(tree, { ...step, version: '9-1' } as AnyHostStep), code('HOST_COMMAND'));
  });
});

describe('upgrade-packages', () => {
  const step: AnyHostStep = { kind: 'upgrade-packages', packages: ['nodejs=0.10.48-1', 'tzdata=2016j-1'] };
  const offered = { 'repo/candidate.tzdata': '2016j-1\n', 'repo/tzdata=2016j-1': '', 'repo/tzdata=2016a-1': '' };
  const versions = (tree: TestTree): string[] =>
    [...tree.file('var/lib/dpkg/status').matchAll(/^Version: (.*)$/gm)].map((match) => match[1]!);

  test('all in one transaction; what there was comes back with undo, and nothing is done twice', async () => {
    const tree = newTree(offered);
    const earlier = versions(tree);
    const { before } = await perform(tree, step);
    assert.deepEqual(versions(tree), ['0.10.48-1', '2016j-1']);
    assert.equal((await perform(tree, step)).changed, false);
    tree.put(`repo/tzdata=${earlier[1]}`, '');
    await undo(tree, step, before);
    assert.deepEqual(versions(tree), earlier);
  });

  test('one package that is offered in another version, or not there, stops all of it', async () => {
    const tree = newTree({ ...offered, 'repo/candidate.tzdata': '2017a-1\n' });
    await assert.rejects(perform(tree, step), (error) => {
      assert.ok(isAppError(error, 'STEP_DRIFT'));
      assert.match(error.message, /tzdata: plan says 2016j-1, candidate is 2017a-1/);
      return true;
    });
    assert.ok(!fs.existsSync(join(tree.root, 'run/installed')));
    const absent = { ...step, packages: [...(step as { packages: string[] }).packages, 'apache2=2-1'] } as AnyHostStep;
    await assert.rejects(perform(newTree(offered), absent), code('STEP_PACKAGE_ABSENT'));
  });

  test('what somebody else left half-installed is said; what an earlier try of ours left is finished first', async () => {
    const tree = newTree(offered);
    const cut = tree.file('var/lib/dpkg/status').replace('install ok installed', 'install ok half-configured');
    tree.put('var/lib/dpkg/status', cut);
    await assert.rejects(perform(tree, step), (error) => {
      assert.ok(isAppError(error, 'STEP_PACKAGES_UNFINISHED'));
      assert.match(error.message, /nodejs/);
      return true;
    });
    tree.put('usr/bin/dpkg', '#!/bin/sh\n/bin/sed -i s/half-configured/installed/ var/lib/dpkg/status\n');
    assert.equal((await perform(tree, step, context({ resumed: {} }))).changed, true);
    assert.deepEqual(versions(tree), ['0.10.48-1', '2016j-1']);
  });

  test('what somebody is installing right now is waited for', async () => {
    const tree = newTree({ ...offered, 'var/lib/dpkg/lock': '' });
    const status = tree.file('var/lib/dpkg/status');
    tree.put('var/lib/dpkg/status', status.replace('install ok installed', 'install ok unpacked'));
    const lock = (await localHost({ root: tree.root }).stat('/var/lib/dpkg/lock'))!;
    tree.put('proc/locks', `1: POSIX  ADVISORY  WRITE 77 ${lock.device}:${lock.inode} 0 EOF\n`);
    setTimeout(() => {
      tree.put('var/lib/dpkg/status', status);
      tree.put('proc/locks', '');
    }, 500);
    assert.equal((await perform(tree, step)).changed, true);
  });
});

describe('service', () => {
  const step: AnyHostStep = { kind: 'service', name: 'shop.service', action: 'restart' };

  test('a restart gives another process; one that was cut off after the restart is not repeated', async () => {
    const tree = newTree();
    const { before, after: seen } = await perform(tree, step);
    assert.deepEqual([before['pid'], seen['pid'], seen['state']], [100, 101, 'running']);
    assert.equal((await perform(tree, step, context({ resumed: before }))).changed, false);
    assert.equal(tree.file('run/log'), 'restart\n');
  });

  test('a service that does not come up is an error that names its state', async () => {
    const tree = newTree({ 'run/fail': '' });
    await assert.rejects(perform(tree, step), code('STEP_SERVICE'));
    await assert.rejects(perform(newTree(), { ...step, name: 'no.service' } as AnyHostStep), code('STEP_DRIFT'));
  });

  test('stop and start are done when they are so, and undone to what was', async () => {
    const tree = newTree();
    const stop: AnyHostStep = { ...step, action: 'stop' } as AnyHostStep;
    const { before } = await perform(tree, stop);
    assert.equal((await perform(tree, stop)).changed, false);
    assert.equal((await undo(tree, stop, before))['state'], 'running');
  });
});

describe('set-file-section', () => {
  const section = { name: 'x', comment: '#', content: 'a\nb' };

  test('sshd: a block of Match goes to the end, any other to the start, where the first value counts', async () => {
    const tree = newTree({ 'etc/ssh/sshd_config': 'Port 22\nMatch User x\n  PermitTTY no\n' });
    const step = { kind: 'set-file-section', path: '/etc/ssh/sshd_config', name: 'n', comment: '#' } as const;
    await perform(tree, { ...step, content: 'X11Forwarding no' });
    assert.match(
      tree.file('etc/ssh/sshd_config'),
      /^# BEGIN lastember n\nX11Forwarding no\n# END lastember n\nPort 22\n/,
    );
    await perform(tree, { ...step, name: 'm', content: 'Match User y' });
    assert.match(
      tree.file('etc/ssh/sshd_config'),
      /PermitTTY no\n# BEGIN lastember m\nMatch User y\n# END lastember m\n$/,
    );
    await perform(tree, { ...step, content: '' });
    assert.doesNotMatch(tree.file('etc/ssh/sshd_config'), /X11Forwarding|lastember n/);
    await assert.rejects(perform(tree, { ...step, content: '# END lastember n' }), code('STEP_DRIFT'));
    await assert.rejects(perform(tree, { ...step, content: 'Nonsense yes' }), code('STEP_INVALID_RESULT'));
  });

  test('property: the section stands once with its content, other lines keep their order, twice is once, and it goes', () => {
    const lines = fc.constantFrom(
      'one',
      'two',
      '',
      '# BEGIN lastember x',
      '# END lastember x',
      'a',
      '# BEGIN lastember y',
    );
    fc.assert(
      fc.property(fc.array(lines), fc.constantFrom<'start' | 'end'>('start', 'end'), (all, place) => {
        const text = all.map((line) => `${line}\n`).join('');
        const result = setSection(text, section, place);
        const block = '# BEGIN lastember x\na\nb\n# END lastember x\n';
        assert.equal(result.split(block).length, 2);
        assert.equal(setSection(result, section, place), result);
        const without = setSection(text, { ...section, content: '' }, place);
        assert.equal(result.replace(block, ''), without);
        assert.doesNotMatch(without, /lastember x/);
      }),
    );
  });
});

describe('service enable and disable', () => {
  const step: AnyHostStep = { kind: 'service', name: 'shop.service', action: 'disable' };

  test('what starts at boot no longer does, what runs goes on, and undoing brings it back', async () => {
    const tree = newTree({ 'run/enabled': 'enabled\n' });
    const manager = tree
      .file('usr/bin/systemctl')
      .replace('UnitFileState=enabled', 'UnitFileState=$(/bin/cat run/enabled)');
    const acts = '  enable|disable) echo "$1"d > run/enabled; echo "$1" >> run/log ;;\nesac\n';
    tree.put(
      'usr/bin/systemctl',
      manager
        .replace("printf 'Id", 'printf "Id')
        .replace("ExecStart=x\\n'", 'ExecStart=x\\n"')
        .replace(/esac\n$/, acts),
    );
    const { before, after: seen } = await perform(tree, step);
    assert.deepEqual([before['enabled'], seen['enabled'], seen['state'], seen['pid']], [true, false, 'running', 100]);
    assert.equal((await perform(tree, step)).changed, false);
    assert.equal((await undo(tree, step, before))['enabled'], true);
    assert.equal(tree.file('run/log'), 'disable\nenable\n');
  });
});

describe('lock-user', () => {
  const PASSWD =
    'root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nold:x:1001:1001::/:/bin/sh\n';
  const SHADOW =
    'root:*:19000:0:99999:7:::\nops:$y$j9T$abc$def:19000:0:99999:7::20500:\ntoor:*:19000:0:99999:7:::\nold:!$6$x:19000:0:99999:7:::\n';
  const lock = (user: string): AnyHostStep => ({ kind: 'lock-user', user });
  function accounts(): TestTree {
    const tree = newTree({ 'etc/passwd': PASSWD, 'etc/group': 'root:x:0:\n', 'etc/gshadow': '' });
    tree.put('etc/shadow', SHADOW, 0o640);
    tree.put(
      'usr/sbin/usermod',
      '#!/bin/sh\nPATH=/usr/sbin:/usr/bin exec /usr/sbin/usermod -P "$LASTEMBER_HOST_ROOT" "$@"\n',
    );
    return tree;
  }
  const canLock = fs.existsSync('/usr/sbin/usermod') && process.getuid?.() === 0;

  test(
    'password locked and account expired by the real usermod; undone, shadow is what it was',
    { skip: !canLock && 'needs root and usermod' },
    async () => {
      for (const user of ['ops', 'old']) {
        const tree = accounts();
        const { before, after: seen } = await perform(tree, lock(user));
        assert.match(tree.file('etc/shadow'), new RegExp(`^${user}:!\\$[^:]*:19000:0:99999:7::1:$`, 'm'));
        assert.doesNotMatch(JSON.stringify([before, seen]), /\$/, 'no hash is told');
        assert.equal((await perform(tree, lock(user))).changed, false);
        await undo(tree, lock(user), before);
        assert.equal(tree.file('etc/shadow'), SHADOW);
      }
    },
  );

  test('never root, nobody with its rights, not our own login, nobody unknown', async () => {
    const tree = accounts();
    await assert.rejects(perform(tree, lock('root')), code('STEP_LOCK'));
    await assert.rejects(perform(tree, lock('toor')), code('STEP_LOCK'));
    await assert.rejects(
      perform(tree, lock('ops'), context({ login: { user: 'ops', method: null } })),
      code('STEP_LOCK'),
    );
    await assert.rejects(perform(tree, lock('nobody')), code('STEP_DRIFT'));
    assert.equal(tree.file('etc/shadow'), SHADOW);
  });
});

describe('run-script', () => {
  const step = (script: string, more: object = {}): AnyHostStep => ({
    kind: 'run-script',
    script,
    files: [],
    services: [],
    packages: [],
    timeoutSeconds: 20,
    ...more,
  });
  function scripted(): TestTree {
    const tree = newTree({ 'etc/motd': 'hello\n', 'etc/crontab': '# cron\n' });
    for (const tool of ['env', 'sh', 'head', 'cat', 'mv', 'rm', 'sleep', 'sed'])
      fs.symlinkSync(`/usr/bin/${tool}`, join(tree.root, 'usr/bin', tool));
    return tree;
  }
  const at = (tree: TestTree, path: string): string => join(tree.root, path);

  test('what it declared is undone; what it changed besides is told; nothing of our environment reaches it', async () => {
    const tree = scripted();
    const script = `echo bye > ${at(tree, 'etc/motd')}
echo '* * * * * root true' >> ${at(tree, 'etc/crontab')}
sed -i s/2024a-1/2024b-1/ ${at(tree, 'var/lib/dpkg/status')}
echo "env: $(env | sort | tr '\\n' ' ')"`;
    const declared = step(script, { files: ['/etc/motd'] });
    const host = localHost({ root: tree.root });
    const predicted = (await stepFor(declared).inspect(host, declared, context())).effects;
    assert.deepEqual(predicted.files, [{ path: '/etc/motd', change: 'may be written by the script' }]);
    const { before, after: seen } = await perform(tree, declared);
    assert.deepEqual(seen['undeclared'], ['package tzdata', '/etc/crontab']);
    assert.doesNotMatch(String(seen['output']), /LASTEMBER|NODE/);
    assert.equal(tree.file('etc/motd'), 'bye\n');
    await undo(tree, declared, before);
    assert.equal(tree.file('etc/motd'), 'hello\n');
    await stepFor(declared).settle?.(host, before);
    assert.deepEqual(fs.readdirSync(at(tree, 'var/lib/lastember/scripts')), []);
  });

  test('one that fails says so with its last words; one that takes too long is stopped', async () => {
    await assert.rejects(perform(scripted(), step('echo no room >&2; exit 7')), (error) => {
      assert.ok(isAppError(error, 'STEP_SCRIPT'));
      assert.match(error.message, /ended with 7.*no room/s);
      return true;
    });
    await assert.rejects(perform(scripted(), step('echo DB_PASSWORD=hunter2 --token hunter2; exit 1')), (error) => {
      assert.doesNotMatch(String(error), /hunter2/);
      return code('STEP_SCRIPT')(error);
    });
    const { after } = await perform(scripted(), step('echo DB_PASSWORD=hunter2'));
    assert.match(String(after['output']), /^DB_PASSWORD=•+$/);
    const slow = scripted();
    await assert.rejects(perform(slow, step('echo begun; sleep 60', { timeoutSeconds: 1 })), code('STEP_SCRIPT'));
    await assert.rejects(
      perform(scripted(), step('true', { files: ['/etc/lastember/agent.json'] })),
      code('STEP_PATH'),
    );
  });

  test('its output is cut at a limit, and it goes on', async () => {
    const tree = scripted();
    const { after: seen } = await perform(
      tree,
      step(`i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i + 1)); done; echo last > ${at(tree, 'etc/motd')}`),
    );
    assert.ok(String(seen['output']).length <= 300);
    assert.equal(tree.file('etc/motd'), 'last\n');
  });

  test('cut off: what has ended is told, what is under way is waited for, what was lost is not run again', async () => {
    const count = (tree: TestTree): number => tree.file('etc/count').split('\n').length - 1;
    const tree = scripted();
    const script = step(`echo run >> ${at(tree, 'etc/count')}; sleep 2`);
    const host = localHost({ root: tree.root });
    const { before } = await stepFor(script).inspect(host, script, context());
    // The agent dies; the script goes on. Another comes and waits for it.
    void stepFor(script).apply(host, script, before, context());
    while (!fs.existsSync(at(tree, 'etc/count'))) await new Promise((resolve) => setTimeout(resolve, 50));
    const again = await perform(tree, script, context({ resumed: before }));
    assert.deepEqual([again.after['code'], count(tree)], [0, 1]);
    await perform(tree, script, context({ resumed: before }));
    assert.equal(count(tree), 1);
    const lost = scripted();
    lost.put(`var/lib/lastember/scripts/${String(before['token'])}/started`, '');
    const late = step('true', { timeoutSeconds: 1 });
    await assert.rejects(perform(lost, late, context({ resumed: { ...before, files: [] } })), code('STEP_SCRIPT'));
  });
});

describe('reboot', () => {
  const step: AnyHostStep = { kind: 'reboot', returnSeconds: 900 };
  const boot = 'proc/sys/kernel/random/boot_id';

  test('a unit that ran before and did not come back is named; undoing says that there is nothing to undo', async () => {
    const tree = newTree({ [boot]: 'boot-2\n', 'proc/sys/kernel/osrelease': '6.1\n' });
    const resumed = { bootId: 'boot-1', kernel: '6.1', units: ['gone.service', 'shop.service'] };
    await assert.rejects(perform(tree, step, context({ resumed, waits: { units: 1 } })), (error) => {
      assert.ok(isAppError(error, 'STEP_REBOOTED'));
      assert.match(error.message, /gone\.service ran before and did not come back/);
      return true;
    });
    assert.match(String((await undo(tree, step, resumed))['note']), /cannot be undone/);
  });

  test('a kernel that tells no boot id is not rebooted: nobody could say whether it had been', async () => {
    await assert.rejects(perform(newTree(), step), code('STEP_DRIFT'));
  });
});

describe('set-file-line', () => {
  const line = (value: string): AnyHostStep => ({
    kind: 'set-file-line',
    path: '/etc/ssh/sshd_config',
    key: 'PermitRootLogin',
    separator: ' ',
    value,
  });

  test('sshd: set where the first value counts, above a drop-in that says otherwise, Match blocks left alone', async () => {
    const tree = newTree({
      'etc/ssh/sshd_config':
        'Include /etc/ssh/sshd_config.d/*.conf\n#PermitRootLogin yes\npermitrootlogin yes\nMatch User x\n  PermitRootLogin yes\n',
      'etc/ssh/sshd_config.d/cloud.conf': 'PermitRootLogin yes\n',
    });
    await perform(tree, line('no'));
    const text = tree.file('etc/ssh/sshd_config');
    assert.equal(text.split('\n')[0], 'PermitRootLogin no');
    assert.ok(text.endsWith('Match User x\n  PermitRootLogin yes\n'));
  });

  test('sshd: a file that sshd itself refuses is not put in place', async () => {
    const tree = newTree({ 'etc/ssh/sshd_config': 'Port 22\n' });
    await assert.rejects(perform(tree, { ...line('x'), key: 'Nonsense' } as AnyHostStep), code('STEP_INVALID_RESULT'));
    assert.equal(tree.file('etc/ssh/sshd_config'), 'Port 22\n');
    assert.deepEqual(fs.readdirSync(join(tree.root, 'etc/ssh')), ['sshd_config']);
  });

  test('the text of a file that not everybody may read stays on the host', async () => {
    const tree = newTree();
    tree.put('etc/ssh/sshd_config', 'PermitRootLogin yes # s3cret\n', 0o600);
    const { before } = await perform(tree, line('no'));
    assert.doesNotMatch(JSON.stringify(before), /s3cret/);
    await undo(tree, line('no'), before);
    assert.equal(tree.file('etc/ssh/sshd_config'), 'PermitRootLogin yes # s3cret\n');
  });

  test('property: the key stands exactly once afterwards, other lines keep their order, twice is once', () => {
    const words = fc.constantFrom(
      'PASS_MAX_DAYS 99',
      'PASS_MAX_DAYS\t1',
      '#PASS_MAX_DAYS 5',
      'UMASK 022',
      '',
      'PASS_MAX_DAYSX 1',
    );
    const rules = { ignoreCase: false, stopAt: null, place: 'end' } as const;
    const change = { key: 'PASS_MAX_DAYS', value: '60', separator: ' ' };
    fc.assert(
      fc.property(fc.array(words), (lines) => {
        const text = lines.length > 0 ? `${lines.join('\n')}\n` : '';
        const result = setLine(text, change, rules);
        assert.equal(
          result
            .split('\n')
            .filter((row) => /^PASS_MAX_DAYS\s/.test(row))
            .join(),
          'PASS_MAX_DAYS 60',
        );
        const others = (all: string): string[] =>
          all.split('\n').filter((row) => row !== '' && !/^PASS_MAX_DAYS\s/.test(row));
        assert.deepEqual(others(result), others(text));
        assert.equal(setLine(result, change, rules), result);
      }),
    );
  });
});

describe('keys and certificates', () => {
  const openssl = (...argv: string[]): string =>
    execFileSync('openssl', argv, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  const names = ['shop.test', '127.74.14.10', '2001:db8::1'];

  /** A tree that serves with an old key, and an authority to sign with. */
  function keyTree(newKey: string[]): { tree: TestTree; spki: string; ca: string; issuerSpki: string } {
    const tree = newTree({ 'srv/tls/x': '' });
    const at = (path: string): string => join(tree.root, path);
    openssl(
      'req',
      '-x509',
      '-newkey',
      ...newKey,
      '-nodes',
      '-subj',
      '/CN=shop.test',
      '-keyout',
      at('srv/tls/key.pem'),
      '-out',
      at('srv/tls/cert.pem'),
    );
    fs.chmodSync(at('srv/tls/key.pem'), 0o640);
    const ca = join(tree.root, 'run/ca');
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=Demo CA',
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.pem`,
    );
    const spki = (path: string): string => spkiOf(readPrivateKey(fs.readFileSync(path, 'utf8'))!);
    return { tree, spki: spki(at('srv/tls/key.pem')), ca, issuerSpki: spki(`${ca}.key`) };
  }
  function issue(ca: string, csr: string, ...sans: string[]): string {
    fs.writeFileSync(`${ca}.csr`, csr);
    fs.writeFileSync(
      `${ca}.ext`,
      `subjectAltName=${sans.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',')}\n`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${ca}.csr`,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-CAcreateserial',
      '-days',
      '5',
      '-extfile',
      `${ca}.ext`,
      '-out',
      `${ca}.crt`,
    );
    return fs.readFileSync(`${ca}.crt`, 'utf8') + fs.readFileSync(`${ca}.pem`, 'utf8');
  }
  const rotate = (oldSpki: string): AnyHostStep => ({
    kind: 'rotate-key',
    keyPath: '/srv/tls/key.pem',
    names,
    oldSpki,
  });
  const install = (issuerSpki: string): AnyHostStep => ({
    kind: 'install-certificate',
    keyPath: '/srv/tls/key.pem',
    certificatePath: '/srv/tls/cert.pem',
    names,
    issuerSpki,
  });

  for (const [kind, newKey, header] of [
    ['RSA', ['rsa:1024'], 'BEGIN RSA PRIVATE KEY'],
    ['EC', ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'], 'BEGIN EC PRIVATE KEY'],
    ['Ed25519', ['ed25519'], 'BEGIN PRIVATE KEY'],
  ] as [string, string[], string][]) {
    test(`rotate-key: a new ${kind} key, private to root, and a request that openssl accepts`, async () => {
      const { tree, spki } = keyTree(newKey);
      const { after: seen } = await perform(tree, rotate(spki));
      assert.ok(tree.file('srv/tls/key.pem.new').includes(header));
      assert.equal(fs.statSync(join(tree.root, 'srv/tls/key.pem.new')).mode & 0o7777, 0o600);
      assert.notEqual(seen['spki'], spki);
      assert.doesNotMatch(JSON.stringify(seen), /PRIVATE KEY/);
      const csr = String(seen['csr']);
      const text = execFileSync('openssl', ['req', '-verify', '-noout', '-text'], {
        input: csr,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      assert.match(text, /DNS:shop\.test, IP Address:127\.74\.14\.10, IP Address:2001:DB8:0:0:0:0:0:1/);
      assert.match(text, /Subject: CN ?= ?shop\.test/);
      if (kind === 'RSA') assert.match(text, /2048 bit/);
    });
  }

  test('rotate-key: a key that is not the planned one is drift; a key of unknown origin is not taken over', async () => {
    const { tree, spki } = keyTree(['ed25519']);
    await assert.rejects(perform(tree, rotate('0'.repeat(64))), code('STEP_DRIFT'));
    fs.copyFileSync(join(tree.root, 'srv/tls/key.pem'), join(tree.root, 'srv/tls/key.pem.new'));
    const first = await perform(tree, rotate(spki));
    assert.notEqual(first.after['spki'], spki);
    const again = await perform(tree, rotate(spki), context({ resumed: first.before }));
    assert.deepEqual([again.changed, again.after['spki']], [false, first.after['spki']]);
  });

  test('M.2: install-certificate takes the approved chain only; the old key, other names and other issuers are refused', async () => {
    const { tree, spki, ca, issuerSpki } = keyTree(['rsa:2048']);
    const old = snapshot(tree);
    const { after: made } = await perform(tree, rotate(spki));
    const csr = String(made['csr']);
    const task = { steps: [rotate(spki)] } as StepContext['task'];
    const tryOut = (chain: string | undefined, issuer = issuerSpki): Promise<Done> =>
      perform(tree, install(issuer), context({ inputs: { certificateChain: chain }, task }));
    const refused = async (why: RegExp, chain: string | undefined, issuer?: string): Promise<void> => {
      await assert.rejects(
        tryOut(chain, issuer),
        (error) => isAppError(error, 'STEP_CHAIN') && why.test(error.message),
      );
    };
    const good = issue(ca, csr, ...names);
    await refused(/no certificate came/, undefined);
    await refused(/no certificate$|holds no certificate/, 'nonsense');
    await refused(/the plan says 127/, issue(ca, csr, ...names, 'evil.test'));
    await refused(/the plan says 127/, issue(ca, csr, 'shop.test'));
    await refused(/does not hold the issuer/, good, '0'.repeat(64));
    const other = keyTree(['ed25519']);
    await refused(
      /not for the key/,
      issue(ca, String((await perform(other.tree, rotate(other.spki))).after['csr']), ...names),
    );
    const forged = issue(other.ca, csr, ...names).split('-----END CERTIFICATE-----')[0]!;
    await refused(/did not sign/, `${forged}-----END CERTIFICATE-----\n${fs.readFileSync(`${ca}.pem`, 'utf8')}`);
    const kept = tree.file('srv/tls/key.pem.new');
    fs.copyFileSync(join(tree.root, 'srv/tls/key.pem'), join(tree.root, 'srv/tls/key.pem.new'));
    await refused(/still the old one/, good);
    tree.put('srv/tls/key.pem.new', kept, 0o600);

    const { before, after: seen } = await tryOut(good);
    assert.equal(seen['spki'], made['spki']);
    assert.equal(tree.file('srv/tls/key.pem'), kept);
    assert.equal(
      fs.statSync(join(tree.root, 'srv/tls/key.pem')).mode & 0o7777,
      0o640,
      'the service may still read its key',
    );
    assert.equal((await tryOut(good)).changed, false);
    await undo(tree, install(issuerSpki), before);
    assert.deepEqual(snapshot(tree), old);
  });

  test('install-certificate: cut off between key and certificate, it ends well; settled, the old key is gone', async () => {
    const { tree, spki, ca, issuerSpki } = keyTree(['rsa:2048']);
    const { after: made } = await perform(tree, rotate(spki));
    const given = context({
      inputs: { certificateChain: issue(ca, String(made['csr']), ...names) },
      task: { steps: [rotate(spki)] } as StepContext['task'],
    });
    const host = localHost({ root: tree.root });
    const step = install(issuerSpki);
    const { before } = await stepFor(step).inspect(host, step, given);
    const key = before['key'] as Seen;
    fs.copyFileSync(join(tree.root, 'srv/tls/key.pem'), join(tree.root, String(key['backup'])));
    fs.renameSync(join(tree.root, 'srv/tls/key.pem.new'), join(tree.root, 'srv/tls/key.pem'));
    const again = await perform(tree, step, { ...given, resumed: before });
    assert.ok(again.changed);
    assert.deepEqual(again.before, before);
    assert.equal(spkiOf(readPrivateKey(tree.file(String(key['backup'])))!), spki);
    await stepFor(step).settle?.(host, before);
    assert.deepEqual(fs.readdirSync(join(tree.root, 'srv/tls')), ['cert.pem', 'key.pem', 'x']);
  });

  test('invalidate-sessions: fresh secret, restarted service, hashes only', async () => {
    const tree = newTree();
    tree.put('srv/secret', 'old secret\n', 0o640);
    const step: AnyHostStep = { kind: 'invalidate-sessions', path: '/srv/secret', service: 'shop.service' };
    const { before, after: seen } = await perform(tree, step);
    assert.match(tree.file('srv/secret'), /^[0-9a-f]{64}\n$/);
    assert.equal(fs.statSync(join(tree.root, 'srv/secret')).mode & 0o7777, 0o640);
    assert.ok(!JSON.stringify([before, seen]).includes(tree.file('srv/secret').trim()));
    assert.notEqual(before['sha256'], seen['sha256']);
    assert.deepEqual([before['pid'], seen['pid']], [100, 101]);
    assert.equal((await perform(tree, step, context({ resumed: before }))).changed, false, 'not twice after a cut');
  });
});
