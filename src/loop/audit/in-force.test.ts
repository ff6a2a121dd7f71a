import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import type { Facts, PackageFact, ProcessFact } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
const AT = { address: '10.1.0.20', port: 443, name: 'web' };
const SSL = { path: '/usr/lib/x86_64-linux-gnu/libssl.so.3', package: 'libssl3' };

const openssl = (version: string): PackageFact => ({
  ecosystem: 'Debian',
  name: 'libssl3',
  version,
  arch: 'amd64',
  source: 'openssl',
  sourceVersion: version,
  status: 'installed',
  candidate: '3.0.17-1~deb12u3',
  origin: 'main',
  newerFrom: version === '3.0.17-1~deb12u3' ? 'none' : 'security',
});
const OLD = openssl('3.0.17-1~deb12u2');
const NEW = openssl('3.0.17-1~deb12u3');

const process = (pid: number, unit: string | null, old: boolean): ProcessFact => ({
  pid,
  ppid: 1,
  user: 'root',
  command: `/usr/sbin/${unit ?? 'screen'}`,
  exe: null,
  unit,
  startedAt: '2026-11-20T09:00:00.000Z',
  replaced: old ? [SSL] : [],
  packages: old ? [] : ['libssl3'],
});

function facts(libssl: PackageFact, processes: ProcessFact[], newest = '6.1.0-28'): Partial<Facts> {
  const { os, services } = shop({ version: '1', pid: 1, startedAt: new Date() }, AT);
  const kernel = { release: '6.1.0-28', version: null, package: null, installed: [], newest, boots: null };
  return {
    os: { ...os!, kernel: '6.1.0-28' },
    services: services!,
    packages: [libssl],
    processes,
    sockets: [],
    kernel: { ...kernel, modules: [], rebootRequired: false, rebootPackages: [] },
    archive: { tool: 'apt', archives: ['Debian bookworm-security main'], security: true, listsAgeDays: 0 },
  };
}

async function begin(): Promise<{ tell: (told: Partial<Facts>) => Promise<void>; w: World }> {
  const w = await world();
  open.push(w);
  const hostId = await w.find(AT.address, 'SHA256:web');
  const tell = async (told: Partial<Facts>): Promise<void> => {
    w.later();
    await w.send(hostId, told);
    await w.settle();
  };
  return { w, tell };
}

const pending = async (w: World): Promise<Finding | undefined> =>
  (await w.audit.findings({ check: 'security-updates-pending' }))[0];
const oldFiles = (w: World): Promise<Finding[]> => w.audit.findings({ check: 'old-files-running' });

test('M.1, 3.4: installed by hand without restarts, the finding stays open and names PID and unit, until nothing old runs', async () => {
  const { w, tell } = await begin();
  await tell(facts(OLD, [process(100, 'nginx.service', false)]));
  assert.equal((await pending(w))!.state, 'open');
  await tell(facts(NEW, [process(100, 'nginx.service', true), process(900, null, true)]));
  const held = (await pending(w))!;
  assert.equal(held.state, 'open');
  assert.match(held.pending!, /PID 100 \(nginx\.service\) still run what was replaced: restart/);
  assert.match(held.pending!, /PID 900 .* no step restarts them/);
  assert.deepEqual(held.evidence['needs'], ['person', 'restart']);
  assert.deepEqual(held.evidence['packages'], []);
  assert.deepEqual((held.evidence['processes'] as unknown[])[0], {
    pid: 100,
    unit: 'nginx.service',
    command: '/usr/sbin/nginx.service',
    replaced: [SSL.path],
  });
  assert.deepEqual(await oldFiles(w), [], 'one cause, one alarm');
  await tell(facts(NEW, [process(101, 'nginx.service', false), process(900, null, true)]));
  assert.deepEqual((await pending(w))!.evidence['needs'], ['person'], 'a session somewhere still runs it');
  await tell(facts(NEW, [process(101, 'nginx.service', false)]));
  const closed = (await pending(w))!;
  assert.deepEqual([closed.state, closed.pending], ['fixed', null]);
});

test('3.4: it waits for the kernel that was installed to run', async () => {
  const { w, tell } = await begin();
  await tell(facts(OLD, []));
  await tell(facts(NEW, [], '6.1.0-30'));
  const held = (await pending(w))!;
  assert.equal(held.state, 'open');
  assert.deepEqual(held.evidence['kernel'], { running: '6.1.0-28', installed: '6.1.0-30' });
  assert.match(held.pending!, /kernel 6\.1\.0-28 runs, 6\.1\.0-30 is installed: boot/);
  await tell(facts(NEW, []));
  assert.equal((await pending(w))!.state, 'fixed');
});

test('3.4: what runs and could not be looked at closes nothing', async () => {
  const { w, tell } = await begin();
  const { processes: _unseen, ...blind } = facts(NEW, []);
  await tell({ ...blind, packages: [OLD] });
  await tell(blind);
  const held = (await pending(w))!;
  assert.equal(held.state, 'open');
  assert.match(held.pending!, /whether what was installed runs is not known: processes/);
});

test('where nothing was ever pending, old files are a finding of their own, and only that', async () => {
  const { w, tell } = await begin();
  await tell(facts(NEW, [process(100, 'nginx.service', true)]));
  assert.equal(await pending(w), undefined);
  assert.deepEqual(
    (await oldFiles(w)).map(({ component, state }) => [component, state]),
    [['nginx.service', 'open']],
  );
});

test('what the finding of updates does not name, or somebody accepted with it, is told by itself', async () => {
  const { w, tell } = await begin();
  await tell(facts(OLD, []));
  const shopFile = { path: '/opt/shop/shop', package: null };
  await tell(
    facts(NEW, [process(100, 'nginx.service', true), { ...process(200, 'shop.service', false), replaced: [shopFile] }]),
  );
  assert.deepEqual(
    (await oldFiles(w)).map(({ component }) => component),
    ['shop.service'],
  );
  const { id } = (await pending(w))!;
  const accepted = { type: 'impact.exception.added', subject: { kind: 'finding', id } } as const;
  await w.platform.act(systemActor('test'), accepted, (tx) =>
    w.audit.setFindingState(tx, [id], 'excepted', { exceptionId: 'exception_1' }),
  );
  await tell(facts(NEW, [process(100, 'nginx.service', true)]));
  assert.ok((await oldFiles(w)).some(({ component }) => component === 'nginx.service'));
});
