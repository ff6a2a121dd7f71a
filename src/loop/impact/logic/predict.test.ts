import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../model/facts.ts';
import { Impact } from '../../../model/impact.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import type { Edge } from './graph.ts';
import { differences, observedImpact } from './observed.ts';
import { predict } from './predict.ts';

const AT = '2026-11-20T10:00:00.000Z';
const task: Task = {
  id: 'task_1',
  hostId: 'host_shop',
  hostName: 'shop',
  agentId: 'agent_1',
  findings: [],
  relies: [{ kind: 'package', name: 'nodejs', version: '0.10.0-1' }],
  steps: [
    { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' },
    { kind: 'service', name: 'shop.service', action: 'restart' },
    {
      kind: 'install-certificate',
      keyPath: '/etc/k.pem',
      certificatePath: '/etc/c.pem',
      names: ['shop.example'],
      issuerSpki: 'x',
    },
    { kind: 'service', name: 'shop.service', action: 'restart' },
    { kind: 'invalidate-sessions', path: '/etc/session', service: 'shop.service' },
  ],
  rollback: 'undo',
  health: [],
};
const process = {
  pid: 7,
  ppid: 1,
  user: 'www',
  command: 'node',
  exe: '/usr/lib/nodejs/bin/node',
  startedAt: null,
  replaced: [],
};
const facts: Partial<Facts> = {
  processes: [
    { ...process, unit: 'shop.service', packages: ['nodejs'] },
    { ...process, pid: 8, unit: 'mail.service', packages: ['nodejs', 'libc6'] },
    { ...process, pid: 9, unit: 'ssh.service', packages: ['openssh-server'] },
    { ...process, pid: 10, unit: 'session-3.scope', packages: ['nodejs'] },
  ],
};
const hosts = [{ hostId: 'host_shop', hostName: 'shop', facts }];
const edge = (client: string, server: string, connections: number, serverUnit: string): Edge => ({
  clientHostId: `host_${client}`,
  clientName: client,
  clientUnit: `${client}.service`,
  serverHostId: `host_${server}`,
  serverName: server,
  serverUnit,
  address: '127.74.14.10',
  port: 8443,
  connections,
});
const edges = [
  edge('app', 'shop', 3, 'shop.service'),
  edge('portal', 'app', 1, 'app.service'),
  edge('backup', 'shop', 1, 'ssh.service'),
];

test('4.2, M.5: the plan names packages, files, restarts and who is connected with how many connections', () => {
  const impact = predict([task], edges, hosts);
  assert.deepEqual(Impact.parse(impact), impact);
  assert.deepEqual(impact.packages, [{ hostId: 'host_shop', name: 'nodejs', from: '0.10.0-1', to: '0.10.48-1' }]);
  assert.deepEqual(
    impact.files.map((file) => file.path),
    ['/etc/k.pem', '/etc/c.pem', '/etc/session'],
  );
  assert.deepEqual(
    impact.restarts.map((restart) => [
      restart.service,
      restart.clients.map((c) => [c.hostName, c.connections, c.distance]),
    ]),
    [
      [
        'shop.service',
        [
          ['app', 3, 1],
          ['portal', 1, 2],
        ],
      ],
      ['mail.service', []],
    ],
  );
  assert.match(impact.restarts[0]!.reason, /runs nodejs, which is upgraded; the plan restarts it; its sessions/);
  assert.deepEqual(
    impact.affectedHosts.map((host) => [host.hostName, host.distance]),
    [
      ['shop', 0],
      ['app', 1],
      ['portal', 2],
    ],
  );
  assert.equal(
    impact.summary,
    '1 package and 3 files change on 1 host; 2 services restart (shop.service on shop, mail.service on shop), ' +
      'used by app with 3 open connections, and 1 host more through them.',
  );
});

test('a settings change without restart says so', () => {
  const quiet: Task = { ...task, relies: [], steps: [{ kind: 'set-file-mode', path: '/etc/shadow', mode: '0640' }] };
  assert.equal(predict([quiet], edges, hosts).summary, '1 file changes on 1 host; no service restarts.');
});

const outcome = (index: number, more: Partial<StepOutcome> = {}): StepOutcome => ({
  taskId: 'task_1',
  index,
  kind: task.steps[index]!.kind,
  phase: 'apply',
  ok: true,
  changed: true,
  startedAt: AT,
  finishedAt: AT,
  before: { version: '0.10.0-1' },
  after: { version: '0.10.48-1' },
  error: null,
  ...more,
});

test('observed impact equals the prediction when all happened, and the difference is named when not', () => {
  const predicted = predict([task], edges, hosts);
  const all = observedImpact(
    [task],
    [0, 1, 2, 3, 4].map((i) => outcome(i)),
    predicted,
  );
  assert.deepEqual(differences(predicted, all), ['predicted, but did not happen: restart of mail.service on shop']);
  const partly = observedImpact(
    [task],
    [
      outcome(0, { after: { version: '0.10.47-1', also: [{ name: 'libssl', from: null, to: '1' }] } }),
      outcome(1, { ok: false }),
    ],
    predicted,
  );
  const lines = differences(predicted, partly);
  assert.ok(lines.includes('happened, but was not predicted: nodejs 0.10.0-1 → 0.10.47-1 on host_shop'));
  assert.ok(lines.includes('predicted, but did not happen: restart of shop.service on shop'));
  assert.ok(lines.includes('happened, but was not predicted: libssl none → 1 on host_shop'));
  assert.deepEqual(partly.affectedHosts, []);
});
