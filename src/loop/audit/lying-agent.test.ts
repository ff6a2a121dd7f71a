import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Facts, SectionName } from '../../model/facts.ts';
import { certificate, nodejs, section, shop, tls, world, type World } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

const VICTIM = '10.1.0.10';
const LIAR = '10.1.0.66';

/** What the victim tells of itself. */
function factsOf(w: World, { version, machineId }: { version: string; machineId?: string }): Partial<Facts> {
  const startedAt = new Date(w.clock.now.getTime() - 3_600_000);
  return shop({ version, pid: 4711, startedAt, ...(machineId ? { machineId } : {}) }, { address: VICTIM, port: 8443 });
}

/** Two hosts, one of which tells nothing but lies from here on. */
async function begin(): Promise<{ w: World; victim: string; liar: string }> {
  const w = await world();
  open.push(w);
  const [victim, liar] = [await w.find(VICTIM, 'SHA256:victim'), await w.find(LIAR, 'SHA256:liar')];
  return { w, victim, liar };
}

test('an agent that claims name, machine id, addresses and facts of another host gets none of them', async () => {
  const { w, victim, liar } = await begin();
  const truth = factsOf(w, { version: '0.10.0-1', machineId: 'm1' });
  await w.send(victim, truth);
  await w.look(victim, VICTIM, 8443, tls('vulnerable', certificate('shop', '01')));
  await w.settle();
  const state = async () => ({
    host: await w.discovery.host(victim),
    endpoints: await w.discovery.endpoints({ hostId: victim }),
    findings: await w.audit.findings({ hostId: victim }),
    facts: await w.audit.facts(victim),
  });
  const before = await state();
  assert.ok(before.findings.some((one) => one.kit === 'heartbleed' && one.state === 'open'));
  await w.send(liar, truth);
  await w.send(liar, factsOf(w, { version: '0.10.48-1', machineId: 'm1' }));
  await w.settle();
  assert.deepEqual(await state(), before);
  assert.deepEqual(await w.discovery.endpoints({ hostId: liar }), []);
});

test('numbers out of their range are an error of their section, and the known facts stay', async () => {
  const { w, liar } = await begin();
  const good = { ...factsOf(w, { version: '0.10.48-1' }), connections: [] };
  await w.send(liar, good);
  const before = (await w.audit.facts(liar)).sections;
  const lies: [SectionName, unknown][] = [
    ['processes', [{ ...good.processes![0], pid: 2 ** 40 }]],
    ['processes', [{ ...good.processes![0], pid: -1 }]],
    ['sockets', [{ ...good.sockets![0], port: 70_000 }]],
    ['connections', [{ ...talk, peerPort: 2 ** 33 }]],
    ['connections', [{ ...talk, count: 1e300 }]],
    ['os', { ...good.os, hostname: 'x'.repeat(100_000) }],
  ];
  for (const [name, data] of lies) {
    await w.post(liar, [section(w, name, data)]);
    const { sections, meta } = await w.audit.facts(liar);
    assert.match(meta[name]?.error ?? '', /^not understood at /, name);
    assert.deepEqual(sections, before);
  }
  await w.settle();
});

test('facts from the future are as old as their arrival', async () => {
  const { w, liar } = await begin();
  const ahead = { ...section(w, 'packages', [nodejs('0.10.48-1')]), collectedAt: '9999-01-01T00:00:00.000Z' };
  await w.post(liar, [ahead]);
  assert.equal((await w.audit.facts(liar)).meta.packages?.collectedAt, w.clock.now.toISOString());
});

const talk = {
  direction: 'out',
  localAddress: LIAR,
  localPort: 1,
  peerAddress: VICTIM,
  peerPort: 443,
  count: 1,
  pid: null,
  process: null,
  unit: null,
};
