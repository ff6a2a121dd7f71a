import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../demo/run/wait.ts';
import { reports, sh, type Rows } from './context.ts';

const DAY = 86_400;

export function clock(rows: Rows): void {
  const host = 'brokenapt1';
  const fault = (...words: string[]): Promise<string> => rows.lab.lab('fault', ...words);
  /** seconds that the host's clock is ahead of ours */
  const ahead = async (): Promise<number> => Number(await sh(rows, host, 'date +%s')) - Date.now() / 1000;
  const heardSince = (at: number): Promise<boolean> =>
    until(`the agent of ${host} to check in`, 150, async () => {
      const id = await reports(rows, host);
      const { items } = await rows.server.operator.listAgents();
      return Date.parse(items.find((agent) => agent.id === id)?.lastCheckIn ?? '') > at;
    });

  test('clock skew: an agent whose host is an hour ahead checks in; on one that is days behind it says what is wrong', async () => {
    await fault('clock', host, '+3600');
    assert.ok(Math.abs((await ahead()) - 3600) < 600);
    // It calls as it starts; otherwise this would wait for its next minute.
    const shifted = Date.now();
    await sh(rows, host, 'systemctl restart lastember-agent');
    await heardSince(shifted);
    await fault('clock', host, `-${3 * DAY}`);
    assert.ok(Math.abs((await ahead()) + 3 * DAY) < 600);
    await until('the agent to say so', 120, async () => {
      const said = await sh(rows, host, 'tail -n 20 /var/log/lastember-agent.log');
      return /not yet valid; the clock of this host says/.test(said);
    });
    const mute = Date.now();
    await fault('heal', host);
    assert.ok(Math.abs(await ahead()) < 600);
    await heardSince(mute);
  });
}
