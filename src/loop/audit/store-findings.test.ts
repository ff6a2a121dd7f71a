import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import { certificate, tls, world } from './testing/world.ts';

const w = await world();
after(() => w.close());

const take = (changeId: string, ids: string[], before: () => Promise<unknown> = async () => undefined) =>
  w.platform.act(
    systemActor('test'),
    { type: 'change.plan.made', subject: { kind: 'change', id: changeId } },
    async (tx) => {
      await w.audit.setFindingState(tx, ids, 'planned', { changeId });
      await before();
    },
  );

test('a finding is planned in one change at most, also when two take it at the same time', async () => {
  for (const n of [1, 2, 3]) {
    const address = `10.3.0.${n}`;
    const hostId = await w.find(address, `SHA256:${n}`);
    await w.look(hostId, address, 8443, tls('vulnerable', certificate(`k${n}`, `0${n}`)));
  }
  await w.settle();
  const ids = (await w.audit.findings({ kit: 'heartbleed' })).map((finding) => finding.id);
  assert.equal(ids.length, 3);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = take('change_1', ids, () => promise);
  const second = take('change_2', ids.toReversed());
  setTimeout(resolve, 200);
  const results = await Promise.allSettled([first, second]);
  const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  assert.equal(refused.length, 1);
  assert.ok(isAppError(refused[0], 'CONFLICT'), String(refused[0]));
  const holders = new Set((await w.audit.findings({ ids })).map((finding) => finding.changeId));
  assert.equal(holders.size, 1);
  const [holder] = holders;
  await take(holder!, ids);

  // Nor does an exception take what a change works on.
  const entry = { type: 'impact.exception.added', subject: { kind: 'exception' as const, id: 'exception_1' } };
  await w.platform.act(systemActor('test'), entry, (tx) =>
    w.audit.setFindingState(tx, ids, 'excepted', { exceptionId: 'exception_1' }),
  );
  assert.ok((await w.audit.findings({ ids })).every((finding) => finding.state === 'planned'));
});

test('findings of one component, and those of one exception, are found as such', async () => {
  const all = await w.audit.findings({});
  const [first] = all;
  const own = await w.audit.findings({ component: first!.component });
  assert.deepEqual(
    own.map((finding) => finding.id),
    all.filter((finding) => finding.component === first!.component).map((finding) => finding.id),
  );
  assert.deepEqual(await w.audit.findings({ component: 'no such' }), []);
  assert.deepEqual(await w.audit.findings({ exceptionId: 'exception_1' }), []);
});

test('exposures follow a listener into the record that its host was merged into', async () => {
  const from = await w.find('10.3.1.1', 'SHA256:merged-a');
  const into = await w.find('10.3.1.2', 'SHA256:merged-b');
  const { id } = await w.look(from, '10.3.1.1', 8443, tls('vulnerable', certificate('merged', '77')));
  await w.settle();
  assert.equal((await w.audit.exposures({ hostId: from })).length, 1);
  // As discovery does when an agent says that both addresses are its own: the endpoint keeps its id.
  const entry = { type: 'discovery.host.merged', subject: { kind: 'host' as const, id: into } };
  await w.platform.act(systemActor('test'), entry, async (tx) => {
    await sql`update discovery.endpoint set host_id = ${into} where id = ${id}`.execute(tx.db);
    await sql`update discovery.host set superseded_by = ${into} where id = ${from}`.execute(tx.db);
    await tx.enqueue('audit.host', { hostId: into });
  });
  await w.settle();
  assert.deepEqual(
    (await w.audit.exposures({ kit: 'heartbleed' })).filter((one) => one.endpointId === id).map((one) => one.hostId),
    [into],
  );
});
