import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { isPolluted, misshapen } from '../../../tests/mutations.ts';
import { isAppError } from '../../model/errors/index.ts';
import { type Facts, type Section, type SectionName } from '../../model/facts.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
const BOUND_MS = 5000;

/** Small, and sound. */
function sound(w: World): Partial<Facts> {
  const own = shop(
    { version: '0.10.48-1', pid: 1, startedAt: w.clock.now },
    { address: '10.1.0.10', port: 8443, name: 'shop' },
  );
  const peer = { localAddress: '10.1.0.10', localPort: 8443, peerAddress: '10.1.0.11', peerPort: 5, count: 1 };
  return {
    ...own,
    settings: { sshd: { permitrootlogin: 'no' }, sysctl: { 'kernel.kptr_restrict': '1' }, users: [] },
    connections: [{ ...peer, direction: 'in', pid: 1, process: 'node', unit: null }],
    neighbours: [{ address: '10.1.0.9', mac: '02:00:00:00:00:01', device: 'eth0' }],
  };
}

const isNamed = (error: unknown): boolean => isAppError(error) || (error as Error).name === 'ZodError';

test('3.18: facts with absurd values are taken, noted at their section or refused by name; the host is judged all the same', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.1.0.10', 'SHA256:shop');
  const facts = sound(w);
  const names = Object.keys(facts) as SectionName[];
  assert.ok(names.length > 5);
  await w.send(id, facts);
  await w.settle();
  const [samples] = fc.sample(
    fc.tuple(...names.map((name) => fc.array(misshapen([facts[name]]), { minLength: 6, maxLength: 6 }))),
    1,
  );
  for (const [at, name] of names.entries()) {
    for (const text of samples![at]!) {
      const began = performance.now();
      w.later();
      const data: unknown = JSON.parse(text);
      const section = { name, version: 1, hash: hashOf(data), collectedAt: w.clock.now.toISOString(), data } as Section;
      await w
        .post(id, [section])
        .catch((error: unknown) => assert.ok(isNamed(error), `${name}: ${String((error as Error).stack)}`));
      assert.ok(performance.now() - began < BOUND_MS, `${name} took too long: ${text.slice(0, 200)}`);
    }
  }
  // Whatever was taken of it, the host can be judged.
  await w.audit.auditHost(id);
  await w.settle();
  assert.ok(!isPolluted());
  await w.send(id, facts);
  await w.settle();
  const { sections, meta } = await w.audit.facts(id);
  assert.deepEqual(sections.os?.hostname, facts.os?.hostname, 'the next sound look puts everything right');
  assert.deepEqual(
    Object.values(meta).filter(({ error }) => error !== null),
    [],
  );
});

/** What an agent would say, or anything where no bytes can be made of it. */
function hashOf(data: unknown): string {
  try {
    return sha256Hex(canonicalBytes(data as object));
  } catch {
    return '0'.repeat(64);
  }
}
