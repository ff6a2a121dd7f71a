/** Hosts that die while the agent is copied. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reports, sh, type Rows } from '../rows/context.ts';

/** Until the first part of the agent lies on the disk; copying to a host this near takes a second or two. */
const UNTIL_COPYING = `until ls /opt/lastember/lastember-agent.new* >/dev/null 2>&1; do sleep 0.02; done`;
/** What a copy that was cut off could leave, wherever the host keeps such. */
const LEFT = 'find /opt/lastember /tmp /root /var/tmp -name "*lastember-agent.new*" 2>/dev/null';

export function copying(rows: Rows): void {
  test('6.12: two hosts die while the agent is copied, each says so, the third is served; a retry of the failed brings them in, and nothing half-copied stays', async () => {
    const { server } = rows;
    const names = ['crowd1', 'crowd2', 'crowd3'];
    const hostIds = await Promise.all(names.map(async (name) => (await server.host(name)).id));
    const deaths = Promise.all([
      sh(rows, 'crowd1', `${UNTIL_COPYING}; reboot`),
      sh(rows, 'crowd2', `${UNTIL_COPYING}; ip link set eth0 down`),
    ]);
    const first = await server.deploy({ hostIds });
    await deaths;
    const of = (name: string): string => {
      const found = first.hosts.find(({ hostId }) => hostId === hostIds[names.indexOf(name)])!;
      return `${found.state}: ${found.why}`;
    };
    assert.equal(of('crowd3'), 'done: null');
    assert.match(of('crowd1'), /^failed: .*crowd1|^failed: .*10\.61\.0\.101/);
    assert.match(of('crowd2'), /^failed: .*crowd2|^failed: .*10\.61\.0\.102/);
    for (const name of ['crowd1', 'crowd2'])
      assert.match(of(name), /copying|writing|connection|answer/i, 'what was being done when it broke');
    await sh(rows, 'crowd2', 'ip link set eth0 up');
    for (const name of ['crowd1', 'crowd2']) assert.equal((await server.host(name)).management, 'unmanageable');
    const again = await server.deploy({ retryOf: first.id });
    assert.deepEqual(
      again.hosts.map(({ hostId, state, why }) => [hostId, state, why]).sort(),
      hostIds
        .slice(0, 2)
        .sort()
        .map((id) => [id, 'done', null]),
    );
    await Promise.all(names.map((name) => reports(rows, name)));
    for (const name of names) assert.equal(await sh(rows, name, LEFT), '', name);
  });
}
