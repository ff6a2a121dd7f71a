import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Facts } from '../../../model/facts.ts';
import { Kit, type Step } from '../../../model/kit.ts';
import { Plan } from '../../../model/plan.ts';
import { canonical } from './canonical.ts';
import { certificateKey } from './inputs.ts';
import { assemblePlan, planTasks } from './planner.ts';
import { resolveTemplate, TemplateError } from './template.ts';
import { addressOf, FRAME, hostOf, inputOf, KEY, NO_IMPACT, type Shape } from './testing.ts';

const kinds = (steps: readonly Step[]): string[] =>
  steps.map((step) => (step.kind === 'service' ? `restart ${step.name}` : step.kind));
const one = (shape: Shape): string[] => kinds(planTasks(inputOf([shape])).tasks[0]?.steps ?? []);

const REKEY = [
  'rotate-key',
  'reissue-certificate',
  'install-certificate',
  'restart web-443.service',
  'verify-served',
  'revoke-certificate',
  'verify-revoked',
  'invalidate-sessions',
];

test('5.20: upgrade, restart, new key, reissue, install, restart, verify served, revoke, verify revoked, sessions', () => {
  assert.deepEqual(one({ name: 'web' }), ['upgrade-package', 'restart web-443.service', ...REKEY]);
});

test('a newer package that lies on the disk, but does not run: restart and new key, no upgrade', () => {
  assert.deepEqual(one({ name: 'web', installed: '3', running: '2' }), ['restart web-443.service', ...REKEY]);
});

test('F.2, M.3: a host that only serves a leaked key gets the rotation steps', () => {
  assert.deepEqual(one({ name: 'web', installed: '3', vulnerable: false }), REKEY);
  // Although it could be upgraded: nothing is wrong with what it runs.
  assert.deepEqual(one({ name: 'web', installed: '3', candidate: '4', vulnerable: false }), REKEY);
});

test('a listener that its settings mend needs no newer package, and none has to be offered', () => {
  const steps = [
    { kind: 'set-file-line', path: '/etc/ssh/sshd_config', key: 'MACs', value: 'hmac-sha2-256' },
    { kind: 'service', name: '${service.name}', action: 'restart' },
  ];
  const mended = Kit.parse({
    kit: 'offered',
    version: '1.0.0',
    title: '',
    summary: '',
    checks: [{ kind: 'endpoint', id: 'probe', title: '', severity: 'low', why: '', expect: 'true' }],
    remediate: [{ id: 'macs', fixes: ['probe'], steps }],
    texts: { risk: '' },
  });
  for (const candidate of ['2', '3', null]) {
    const input = inputOf([{ name: 'web', installed: '2', candidate }], { kit: mended });
    const hosts = input.hosts.map((host) => ({
      ...host,
      listeners: host.listeners.map((each) => ({ ...each, verdict: 'unknown' as const, served: null, burnt: [] })),
    }));
    const { tasks, left } = planTasks({ ...input, hosts });
    assert.deepEqual(left, []);
    assert.deepEqual(kinds(tasks[0]!.steps), ['set-file-line', 'restart web-443.service']);
  }
});

test('a listener that has its new key already: what is left of the old certificate is done, and nothing else', () => {
  const rest = ['verify-served', 'revoke-certificate', 'verify-revoked', 'invalidate-sessions'];
  const fixed = { name: 'web', installed: '3', vulnerable: false };
  assert.deepEqual(one({ ...fixed, rekeyed: 'not revoked' }), rest);
  assert.deepEqual(one({ ...fixed, rekeyed: 'revoked' }), []);
});

test('two listeners with one key file: one upgrade, one new key, each verified and its sessions ended', () => {
  const { tasks } = planTasks(inputOf([{ name: 'web', ports: [443, 8443] }]));
  assert.equal(tasks.length, 1);
  assert.deepEqual(kinds(tasks[0]!.steps), [
    'upgrade-package',
    'restart web-443.service',
    'restart web-8443.service',
    'rotate-key',
    'reissue-certificate',
    'install-certificate',
    'restart web-443.service',
    'restart web-8443.service',
    'verify-served',
    'verify-served',
    'revoke-certificate',
    'verify-revoked',
    'invalidate-sessions',
    'invalidate-sessions',
  ]);
});

test('arguments are resolved: numbers stay numbers, names stay lists', () => {
  const { tasks } = planTasks(inputOf([{ name: 'web' }]));
  const step = <K extends Step['kind']>(kind: K) => tasks[0]!.steps.find((one) => one.kind === kind);
  assert.deepEqual(step('rotate-key'), {
    kind: 'rotate-key',
    keyPath: '/srv/web/tls.key',
    names: ['web.test'],
    oldSpki: KEY('web'),
  });
  assert.deepEqual(step('verify-served'), {
    kind: 'verify-served',
    address: addressOf({ name: 'web' }),
    port: 443,
    oldSpki: KEY('web'),
  });
  assert.deepEqual(tasks[0]!.relies, [
    { kind: 'package', name: 'nodejs', version: '2' },
    { kind: 'candidate', name: 'nodejs', version: '3' },
  ]);
  assert.deepEqual(tasks[0]!.health, [
    { kind: 'service', name: 'web-443.service' },
    { kind: 'listener', address: addressOf({ name: 'web' }), port: 443 },
  ]);
});

const why = (shape: Shape): string => {
  const { tasks, left } = planTasks(inputOf([shape]));
  assert.deepEqual(tasks, []);
  return left.map((item) => item.why).join('; ');
};

test('what cannot be planned is said, with the reason', () => {
  assert.match(why({ name: 'web', managed: false }), /it has no agent/);
  assert.match(why({ name: 'web', candidate: '2' }), /nodejs 2 is the newest that its archive offers/);
  assert.match(why({ name: 'web', candidate: '2.5' }), /nodejs 2\.5, the newest .* is affected as well/);
  assert.match(why({ name: 'web', candidate: null }), /nodejs 2 is the newest/);
});

test('a service without a session secret has no sessions to end; a certificate without a list is not looked up', () => {
  const steps = one({ name: 'web', crl: false, secret: false });
  assert.ok(!steps.includes('verify-revoked') && !steps.includes('invalidate-sessions'));
  assert.ok(steps.includes('revoke-certificate'));
});

test('a key file that nobody names: the host is left, not half rotated', () => {
  const host = hostOf({ name: 'web' });
  const services = host.facts.services!.map((service) => ({ ...service, privateKey: null }));
  const { tasks, left } = planTasks({ ...inputOf([]), hosts: [{ ...host, facts: { ...host.facts, services } }] });
  assert.deepEqual(tasks, []);
  assert.match(left[0]!.why, /nothing is known as \$\{service\.privateKey\}, which rotate-key needs/);
});

test('one certificate on two hosts is revoked once, by the last of them', () => {
  const shapes = [
    { name: 'a', serial: '77', key: 'k' },
    { name: 'b', serial: '77', key: 'k' },
  ];
  const input = inputOf(shapes);
  const plan = assemblePlan(input, planTasks(input).tasks, FRAME);
  const tasks = plan.waves.flatMap((wave) => wave.tasks);
  const revokes = tasks.map((task) => task.steps.filter((step) => step.kind === 'revoke-certificate').length);
  assert.deepEqual(revokes, [0, 1]);
});

test('a certificate that a listener outside the plan serves is not revoked, and that is said', () => {
  const holders = {
    [certificateKey({ issuer: 'CN=ca', serial: '77' })]: [`${addressOf({ name: 'web' })}:443`, '10.9.9.9:443'],
  };
  const { tasks, left } = planTasks(inputOf([{ name: 'web', serial: '77' }], { holders }));
  assert.ok(!kinds(tasks[0]!.steps).includes('revoke-certificate'));
  assert.match(left[0]!.why, /not revoked, because 10\.9\.9\.9:443 serves it/);
});

test('M.3: a copy of the key that no service uses is named; the one that is replaced is not', () => {
  const host = { hostId: 'host_web', hostName: 'web' };
  const copies = [
    { ...host, path: '/srv/web/tls.key' },
    { hostId: 'host_old', hostName: 'old', path: '/root/backup.key' },
  ];
  const { left } = planTasks(inputOf([{ name: 'web' }], { copies }));
  assert.deepEqual(
    left.map((one) => one.hostName),
    ['old'],
  );
  assert.match(left[0]!.why, /a copy of a leaked key lies in \/root\/backup\.key/);
});

test('canary first: of each kind of task the host that fewest depend on', () => {
  const input = inputOf([{ name: 'a' }, { name: 'bb' }, { name: 'ccc', installed: '3', vulnerable: false }]);
  const client = { hostId: 'x', hostName: 'x', unit: null, connections: 9, distance: 1 };
  const restart = { hostId: 'host_a', hostName: 'a', service: 's', reason: '', clients: [client] };
  const frame = { ...FRAME, impact: { ...NO_IMPACT, restarts: [restart] } };
  const plan = assemblePlan(input, planTasks(input).tasks, frame);
  assert.deepEqual(
    plan.waves.map((wave) => [wave.canary, wave.tasks.map((task) => task.hostName)]),
    [
      [true, ['bb', 'ccc']],
      [false, ['a']],
    ],
  );
});

test('a serial number is one authority’s: another’s holds back nothing, and nobody is asked to revoke it', () => {
  const other = certificateKey({ issuer: 'CN=other', serial: '77' });
  const { tasks } = planTasks(inputOf([{ name: 'web', serial: '77' }], { holders: { [other]: ['10.9.9.9:443'] } }));
  assert.ok(kinds(tasks[0]!.steps).includes('revoke-certificate'), 'the other 77 is another certificate');

  // The burnt certificate is of an authority that we cannot ask; the one served now is of ours.
  const host = hostOf({ name: 'web', serial: '77', rekeyed: 'not revoked' });
  const [listener] = host.listeners;
  const burnt = listener!.burnt.map((key) => ({ ...key, issuer: 'CN=other', authority: null }));
  const input = { ...inputOf([]), hosts: [{ ...host, listeners: [{ ...listener!, burnt }] }] };
  const planned = planTasks(input);
  assert.ok(!kinds(planned.tasks[0]!.steps).some((kind) => kind.endsWith('revoked') || kind.startsWith('revoke')));
  assert.match(planned.left[0]!.why, /certificate 77 is not revoked, because CN=other is no configured authority/);
});

test('two authorities’ certificates with one serial number: each is revoked once, and looked up once', () => {
  const [a, b] = [hostOf({ name: 'a', serial: '77', key: 'k' }), hostOf({ name: 'b', serial: '77', key: 'k' })];
  const theirs = { issuer: 'CN=two', crlUrl: 'http://two/crl', authority: { name: 'two', issuerSpki: KEY('two') } };
  const listeners = b.listeners.map((one) => ({
    ...one,
    served: { ...one.served!, ...theirs },
    burnt: one.burnt.map((key) => ({ ...key, ...theirs })),
  }));
  const input = { ...inputOf([]), hosts: [a, { ...b, listeners }] };
  const steps = assemblePlan(input, planTasks(input).tasks, FRAME)
    .waves.flatMap((wave) => wave.tasks)
    .flatMap((task) => task.steps);
  const revoked = steps.flatMap((step) => (step.kind === 'revoke-certificate' ? [step.authority] : []));
  const seen = steps.flatMap((step) => (step.kind === 'verify-revoked' ? [step.crlUrl] : []));
  assert.deepEqual(revoked.sort(), ['ca', 'two']);
  assert.deepEqual(seen.sort(), ['http://ca/crl', 'http://two/crl']);
});

const shape = fc.record({
  name: fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'),
  installed: fc.constantFrom('2', '3'),
  running: fc.constantFrom('2', '3'),
  candidate: fc.constantFrom('2', '3', '4', null),
  ports: fc.uniqueArray(fc.constantFrom(443, 8443, 9443), { minLength: 1 }),
  key: fc.constantFrom('k1', 'k2'),
  serial: fc.constantFrom('01', '02', '03'),
  vulnerable: fc.boolean(),
  managed: fc.boolean(),
  crl: fc.boolean(),
});
const shapes = fc.uniqueArray(shape, { selector: (item) => item.name, minLength: 1 });

test('property: same inputs, same bytes, whatever the order they come in', () => {
  fc.assert(
    fc.property(shapes, fc.infiniteStream(fc.nat()), (list, random) => {
      const bytes = (items: readonly Shape[]): string => {
        const input = inputOf(items);
        const { tasks, left } = planTasks(input);
        return canonical({ left, plan: tasks.length > 0 ? assemblePlan(input, tasks, FRAME) : null });
      };
      const shuffled = list.map((item) => ({ item, at: random.next().value })).sort((a, b) => a.at - b.at);
      assert.equal(bytes(list), bytes(list));
      assert.equal(bytes(shuffled.map(({ item }) => item)), bytes(list));
    }),
  );
});

test('property: nothing is revoked before what replaces it was verified, and each certificate once', () => {
  fc.assert(
    fc.property(shapes, (list) => {
      const input = inputOf(list);
      const { tasks } = planTasks(input);
      if (tasks.length === 0) return;
      const plan = Plan.parse(JSON.parse(canonical(assemblePlan(input, tasks, FRAME))));
      const revoked = new Set<string>();
      for (const { steps } of plan.waves.flatMap((wave) => wave.tasks)) {
        const order = [
          'upgrade-package',
          'rotate-key',
          'reissue-certificate',
          'install-certificate',
          'verify-served',
          'revoke-certificate',
          'verify-revoked',
          'invalidate-sessions',
        ];
        const places = steps.filter((step) => step.kind !== 'service').map((step) => order.indexOf(step.kind));
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b),
        );
        for (const step of steps) {
          if (step.kind !== 'revoke-certificate') continue;
          assert.ok(!revoked.has(step.serial), `certificate ${step.serial} is revoked twice`);
          revoked.add(step.serial);
        }
        const install = steps.findIndex((step) => step.kind === 'install-certificate');
        if (install !== -1) assert.equal(steps[install + 1]?.kind, 'service');
      }
      const words = plan.waves.flatMap((wave) => wave.tasks.flatMap((task) => JSON.stringify(task)));
      assert.ok(!words.some((text) => text.includes('${')), 'a plan holds resolved values only');
    }),
  );
});

const BASELINE = Kit.parse({
  kit: 'baseline',
  version: '1.0.0',
  title: '',
  summary: '',
  checks: ['root', 'x11'].map((id) => ({ kind: 'host', id, title: '', severity: 'low', why: '', expect: 'true' })),
  remediate: ['root', 'x11'].map((id) => ({
    id,
    fixes: [id],
    rollback: id === 'root' ? 'undo' : 'none',
    steps: [
      { kind: 'set-file-line', path: '/etc/ssh/sshd_config', key: id, value: 'no' },
      { kind: 'service', name: 'ssh.service', action: 'reload' },
    ],
  })),
  texts: { risk: '' },
});

test('a baseline: all lines first, one reload, and the file it relies on', () => {
  const host = hostOf({ name: 'web' });
  const finding = host.findings[0]!;
  const findings = ['root', 'x11'].map((check) => ({
    ...finding,
    id: check,
    check,
    endpointId: null,
    component: 'sshd',
  }));
  const file = { path: '/etc/ssh/sshd_config', exists: true, mode: '0644', uid: 0, gid: 0, size: 1, text: null };
  const facts = { ...host.facts, files: [{ ...file, sha256: 'c'.repeat(64) }] };
  const { tasks } = planTasks({ ...inputOf([]), kit: BASELINE, hosts: [{ ...host, findings, facts, listeners: [] }] });
  assert.deepEqual(
    tasks[0]!.steps.map((step) => (step.kind === 'set-file-line' ? step.key : step.kind)),
    ['root', 'x11', 'service'],
  );
  assert.deepEqual(tasks[0]!.relies, [{ kind: 'file', path: '/etc/ssh/sshd_config', sha256: 'c'.repeat(64) }]);
  assert.equal(tasks[0]!.rollback, 'none');
  assert.deepEqual(tasks[0]!.findings, ['root', 'x11']);
});

test('a remediation whose steps are not for this host is none, and what a person does is said', () => {
  const file = new URL('../../../../kits/linux-baseline/kit.yaml', import.meta.url);
  const kit = Kit.parse(parse(readFileSync(file, 'utf8')));
  const host = hostOf({ name: 'web' });
  const plan = (check: string, evidence: object) => {
    const about = { check, endpointId: null, component: 'sctp', evidence: { ...evidence } };
    const findings = [{ ...host.findings[0]!, ...about }];
    return planTasks({ ...inputOf([]), kit, hosts: [{ ...host, findings, listeners: [] }] });
  };
  assert.deepEqual(kinds(plan('module-sctp', { loaded: false }).tasks[0]!.steps), ['write-file']);
  const used = plan('module-sctp', { loaded: true });
  assert.deepEqual(used.tasks, [], 'a module in use is not taken away at the next boot');
  assert.match(used.left[0]!.why, /not for this host: module-sctp; by hand: Where it is loaded/);
  assert.match(plan('client-nis', {}).left[0]!.why, /no remediation for client-nis; by hand: Where no account/);
});

test('templates: a misspelt name is the kit’s error, a missing value is not; `if` leaves a step out', () => {
  const names = {
    host: { id: 'h', name: 'web', bootId: null },
    finding: { check: 'c', component: null, evidence: { port: 22 } },
    package: { name: null, version: null, candidate: null },
    service: { name: 'ssh.service', certificate: null, privateKey: null, sessionSecret: null },
    endpoint: { address: null, port: null },
    certificate: { spki: null, serial: null, names: null, crlUrl: null },
    authority: { name: null, issuerSpki: null },
  };
  const service = { kind: 'service' as const, action: 'restart' };
  assert.deepEqual(resolveTemplate({ ...service, name: '${service.name}' }, names), {
    step: { kind: 'service', name: 'ssh.service', action: 'restart' },
  });
  assert.deepEqual(resolveTemplate({ ...service, name: 'a-${package.name}' }, names), { missing: 'package.name' });
  assert.deepEqual(resolveTemplate({ ...service, name: '${finding.evidence.unit}' }, names), {
    missing: 'finding.evidence.unit',
  });
  assert.throws(() => resolveTemplate({ ...service, name: '${service.nmae}' }, names), TemplateError);
  assert.throws(() => resolveTemplate({ ...service, name: '${constructor.name}' }, names), TemplateError);
  assert.throws(() => resolveTemplate({ kind: 'service', name: 'x', action: 'explode' }, names), TemplateError);
  assert.equal(resolveTemplate({ ...service, name: 'x', if: 'service.name == "other"' }, names), 'left-out');
  assert.equal(resolveTemplate({ ...service, name: 'x', if: 'endpoint.port != null' }, names), 'left-out');
  assert.ok('step' in (resolveTemplate({ ...service, name: 'x', if: 'host.name == "web"' }, names) as object));
  assert.throws(() => resolveTemplate({ ...service, name: 'x', if: 'host.nmae == "web"' }, names), TemplateError);
});

describe('5.16: restart only what runs the old files, else reboot', () => {
  const process = { ppid: 1, user: 'root', command: '', exe: null, startedAt: null, replaced: [] };
  const service = { state: 'running', enabled: true, mainPid: 1, exec: null, unitFile: null, certificate: null };
  const units = ['cron.service', 'dbus.service', 'nginx.service', 'ssh.service'];
  const runs = (pid: number, unit: string | null, ...packages: string[]) => ({ ...process, pid, unit, packages });
  const updates = (reboots: boolean): Kit =>
    Kit.parse({
      kit: 'updates',
      version: '1.0.0',
      title: '',
      summary: '',
      checks: [{ kind: 'host', id: 'pending', title: '', severity: 'high', why: '', expect: 'true' }],
      remediate: [
        {
          id: 'install',
          fixes: ['pending'],
          steps: [
            { kind: 'upgrade-packages', packages: '${finding.evidence.packages}' },
            { kind: 'service', name: '${service.name}', action: 'restart' },
            ...(reboots ? [{ kind: 'reboot', since: '${host.bootId}' }] : []),
          ],
        },
      ],
      texts: { risk: '' },
    });
  function steps(packages: string[], reboots = true): string[] {
    const host = hostOf({ name: 'web' });
    const finding = { ...host.findings[0]!, check: 'pending', endpointId: null, component: 'packages' };
    const facts = {
      os: { bootId: 'boot-1' } as Facts['os'],
      packages: [],
      services: units.map((name) => ({ ...service, name, privateKey: null, sessionSecret: null })) as Facts['services'],
      processes: [
        runs(1, null, 'systemd', 'libc6'),
        runs(50, 'dbus.service', 'dbus', 'libexpat1'),
        runs(60, 'nginx.service', 'nginx', 'libssl3', 'libc6'),
        runs(70, 'ssh.service', 'openssh-server', 'libc6'),
        runs(80, 'cron.service', 'cron'),
      ],
    };
    const findings = [{ ...finding, evidence: { packages } }];
    const { tasks } = planTasks({
      ...inputOf([]),
      kit: updates(reboots),
      hosts: [{ ...host, findings, facts, listeners: [] }],
    });
    return kinds(tasks[0]!.steps);
  }

  test('5.16: a library of two services: those two are restarted, nothing else, and there is no reboot', () => {
    assert.deepEqual(steps(['libssl3=2']), ['upgrade-packages', 'restart nginx.service']);
    assert.deepEqual(steps(['libssl3=2', 'openssh-server=2']), [
      'upgrade-packages',
      'restart nginx.service',
      'restart ssh.service',
    ]);
    assert.deepEqual(steps(['tzdata=2']), ['upgrade-packages'], 'what nothing runs needs neither');
  });

  test('5.16: without systemd the services of a host have the names of their init scripts, and are restarted all the same', () => {
    const host = hostOf({ name: 'old' });
    const finding = { ...host.findings[0]!, check: 'pending', endpointId: null, component: 'packages' };
    const facts = {
      os: { bootId: 'boot-1' } as Facts['os'],
      packages: [],
      services: ['nginx', 'cron'].map((name) => ({ ...service, name })) as Facts['services'],
      processes: [runs(60, 'nginx', 'nginx', 'libssl3'), runs(61, 'stranger', 'libssl3')],
    };
    const { tasks } = planTasks({
      ...inputOf([]),
      kit: updates(false),
      hosts: [{ ...host, findings: [{ ...finding, evidence: { packages: ['libssl3=2'] } }], facts, listeners: [] }],
    });
    assert.deepEqual(kinds(tasks[0]!.steps), ['upgrade-packages', 'restart nginx']);
  });

  test('5.16: a kernel, the libc of the first process, a library of dbus: reboot, and no restarts before it', () => {
    for (const packages of [['linux-image-6.1.0-18-amd64=2'], ['libc6=2', 'libssl3=2'], ['libexpat1=2'], ['systemd=2']])
      assert.deepEqual(steps(packages), ['upgrade-packages', 'reboot'], packages.join());
    assert.deepEqual(steps(['linux-image-6.1.0-18-amd64-dbg=2', 'linux-libc-dev=2']), ['upgrade-packages']);
  });

  test('5.16: a kit without a reboot restarts what can be, and leaves dbus alone', () => {
    assert.deepEqual(steps(['libc6=2', 'libexpat1=2'], false), [
      'upgrade-packages',
      'restart nginx.service',
      'restart ssh.service',
    ]);
  });

  describe('3.4: a finding that stays open until what was installed runs', () => {
    const file = new URL('../../../../kits/security-updates/kit.yaml', import.meta.url);
    const kit = Kit.parse(parse(readFileSync(file, 'utf8')));
    const SSL = [{ path: '/usr/lib/libssl.so.3', package: 'libssl3' }];
    const old = (pid: number, unit: string | null) => ({ ...runs(pid, unit), replaced: SSL, command: '/usr/sbin/x' });
    function plan(packages: string[], processes: ReturnType<typeof old>[]) {
      const host = hostOf({ name: 'web' });
      const about = { check: 'security-updates-pending', endpointId: null, component: 'packages' };
      const finding = { ...host.findings[0]!, ...about, evidence: { packages } };
      const services = units.map((name) => ({ ...service, name, privateKey: null, sessionSecret: null }));
      const facts = { packages: [], services: services as Facts['services'], processes };
      return planTasks({ ...inputOf([]), kit, hosts: [{ ...host, findings: [finding], facts, listeners: [] }] });
    }

    test('patched by hand: exactly the units that run old files are restarted, our agent and dbus are not', () => {
      const processes = [
        old(60, 'nginx.service'),
        old(61, 'nginx.service'),
        runs(70, 'ssh.service', 'libssl3') as ReturnType<typeof old>,
        old(50, 'dbus.service'),
        old(90, 'lastember-agent.service'),
        old(99, null),
      ];
      const { tasks } = plan([], processes);
      assert.deepEqual(kinds(tasks[0]!.steps), ['restart nginx.service']);
      assert.deepEqual(kinds(plan(['tzdata=2'], processes).tasks[0]!.steps), [
        'upgrade-packages',
        'restart nginx.service',
      ]);
    });

    test('where only a boot or a person helps, there is no plan, and it says so', () => {
      const { tasks, left } = plan([], [old(50, 'dbus.service'), old(99, null)]);
      assert.deepEqual(tasks, []);
      assert.match(left[0]!.why, /PID 50 \(dbus\.service\) run what was replaced until the next boot \(kit kernel\)/);
      assert.match(left[0]!.why, /PID 99 \(\/usr\/sbin\/x\) still run .* no step restarts them/);
    });
  });

  test('5.16: several reasons make one reboot, the last step, into the kernel that one of them names', () => {
    const kit = Kit.parse(parse(readFileSync(new URL('../../../../kits/kernel/kit.yaml', import.meta.url), 'utf8')));
    const host = hostOf({ name: 'web' });
    const base = { ...host.findings[0]!, endpointId: null, component: 'x' };
    const findings = [
      { ...base, id: 'a', check: 'files-until-boot', evidence: {} },
      { ...base, id: 'b', check: 'kernel-not-running', evidence: { kernel: '6.1.0-18-amd64' } },
    ];
    const facts = { os: { bootId: 'boot-1' } as Facts['os'] };
    const { tasks } = planTasks({ ...inputOf([]), kit, hosts: [{ ...host, findings, facts, listeners: [] }] });
    assert.deepEqual(tasks[0]!.steps, [
      { kind: 'reboot', kernel: '6.1.0-18-amd64', since: 'boot-1', returnSeconds: 900 },
    ]);
    assert.deepEqual([tasks[0]!.findings, tasks[0]!.rollback], [['a', 'b'], 'none']);
  });
});
