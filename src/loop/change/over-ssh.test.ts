import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runChange } from './control.ts';
import { sshEstate, type SshEstate } from './testing/over-ssh.ts';
import { OLGA } from './testing/estate.ts';

let estate: SshEstate;
before(async () => {
  estate = await sshEstate(61);
});
after(() => estate.close());

test('2.8: a host without an agent is changed over SSH', async () => {
  const host = await estate.addHost('one');
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  const done = await estate.settle(change.id, 30);
  console.log(JSON.stringify(done, null, 1), host.server.logins());
  assert.equal(done.state, 'closed');
});
