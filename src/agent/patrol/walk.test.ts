import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { PatrolOrder, PatrolReport, PatrolSeen } from '../../model/patrol.ts';

const [OURS, THEIRS] = [`lp${process.pid}a`, `lp${process.pid}b`];
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const skip = whySkip();
let hidden: ChildProcess | undefined;

function whySkip(): string | false {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces take root';
  if (spawnSync('ip', ['-V']).error) return 'ip (iproute2) is not installed';
  const made = spawnSync('ip', ['netns', 'add', OURS], { encoding: 'utf8' });
  return made.status === 0 ? false : `network namespaces cannot be made here: ${made.stderr.trim()}`;
}

/** Two machines on one wire, nobody else: ours has the agent, theirs has two addresses and an SSH server on one of them. */
before(async () => {
  if (skip) return;
  ip('netns', 'add', THEIRS);
  ip('-n', OURS, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', THEIRS);
  ip('-n', OURS, 'addr', 'add', '10.99.1.2/24', 'dev', 'eth0');
  for (const address of ['10.99.1.9/24', '10.99.1.20/24']) ip('-n', THEIRS, 'addr', 'add', address, 'dev', 'eth0');
  for (const namespace of [OURS, THEIRS])
    for (const link of ['lo', 'eth0']) ip('-n', namespace, 'link', 'set', link, 'up');
  hidden = inside(THEIRS, 'hidden.ts', '10.99.1.9');
  await once(hidden.stdout!, 'data');
});
after(() => {
  hidden?.kill('SIGKILL');
  if (skip === false) for (const namespace of [OURS, THEIRS]) spawnSync('ip', ['netns', 'del', namespace]);
});

function command(namespace: string, script: string, args: string[]): string[] {
  const program = join(import.meta.dirname, 'testing', script);
  return [`--net=/run/netns/${namespace}`, process.execPath, program, ...args];
}
function inside(namespace: string, script: string, ...args: string[]): ChildProcess {
  return spawn('nsenter', command(namespace, script, args), { stdio: ['ignore', 'pipe', 'inherit'] });
}

const ORDER: PatrolOrder = {
  id: 'patrol_1',
  block: '10.99.1.0/24',
  ranges: ['10.99.1.1-10.99.1.24'],
  ports: [443, 22],
  rate: 50,
  seed: 3,
  window: 0,
  known: [],
  until: '2099-01-01T00:00:00.000Z',
};

interface Walked {
  reports: PatrolReport[];
  seen: PatrolSeen[];
  ended: { how: string; why: string | null };
}

async function walked(order: Partial<PatrolOrder>, replies: string[][] = [ORDER.ranges]): Promise<Walked> {
  const args = [JSON.stringify({ ...ORDER, ...order }), JSON.stringify(replies)];
  const { stdout } = await promisify(execFile)('nsenter', command(OURS, 'walker.ts', args), { timeout: 90_000 });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { report?: PatrolReport; ended?: Walked['ended'] });
  const reports = lines.flatMap(({ report }) => (report ? [report] : []));
  return { reports, seen: reports.flatMap(({ seen }) => seen), ended: lines.at(-1)!.ended! };
}

test(
  '1.14: an agent finds who is on its wire: by open ports with their identity, and by ARP where no port is open',
  { skip },
  async () => {
    const { seen, ended } = await walked({});
    assert.deepEqual(ended, { how: 'done', why: null });
    assert.deepEqual(
      seen.map(({ address }) => address).sort(),
      ['10.99.1.20', '10.99.1.9'],
      'nor itself, nor anybody else',
    );
    const server = seen.find(({ address }) => address === '10.99.1.9')!;
    assert.match(server.mac!, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    const [look] = server.looks;
    assert.deepEqual([look!.port, look!.result?.protocol], [22, 'ssh']);
    assert.ok(look!.result?.protocol === 'ssh' && look!.result.hostKeys.length === 1);
    assert.deepEqual(seen.find(({ address }) => address === '10.99.1.20')!.looks, []);
  },
);

test(
  '1.14: what the server excludes before the first look is not touched, and an order for another wire is refused',
  { skip },
  async () => {
    const { seen } = await walked({}, [['10.99.1.10-10.99.1.24']]);
    assert.deepEqual(
      seen.map(({ address }) => address),
      ['10.99.1.20'],
    );
    const foreign = await walked({ ranges: ['10.99.1.1-10.99.2.1'] });
    assert.equal(foreign.ended.how, 'refused');
    assert.deepEqual(foreign.reports, []);
  },
);

test(
  '1.14: an agent stops when the server says so, and goes on from the window that it is told',
  { skip },
  async () => {
    const wide = { ranges: ['10.99.1.1-10.99.1.254'] };
    const stopped = await walked(wide, [wide.ranges, []]);
    assert.deepEqual(stopped.ended, { how: 'stopped', why: 'the test says so' });
    assert.ok(stopped.reports.length <= 3, 'one window at most');
    const last = await walked({ ...wide, window: 7 }, [wide.ranges]);
    assert.deepEqual(
      last.reports.flatMap(({ window }) => (window === null ? [] : [window])),
      [7],
    );
    assert.equal(last.ended.how, 'done');
  },
);
