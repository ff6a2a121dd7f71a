import assert from 'node:assert/strict';
import { until } from '../../demo/run/wait.ts';
import type { LabServer } from '../testing/served.ts';
import type { TestLab } from '../testing/lab.ts';

/** What the rows have in common: one lab, one server. */
export interface Rows {
  lab: TestLab;
  server: LabServer;
  /** files of hosts before anything of ours came, by name */
  clean: Record<string, string[]>;
}

/** In a host, as its root; what it printed. */
export async function sh(rows: Pick<Rows, 'lab'>, host: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await rows.lab.exec(host, 'sh', '-c', script);
  assert.equal(code, 0, `${host}: ${script}\n${stdout}${stderr}`);
  return stdout;
}

/** Every file of a host with mode and owner, content by size; without what any login or look of an administrator changes. */
export async function listing(rows: Rows, host: string): Promise<string[]> {
  const pruned = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/log', '/var/cache', '/var/lib/apt'];
  const skip = pruned.map((path) => `-path ${path}`).join(' -o ');
  const found = await sh(
    rows,
    host,
    `find / \\( ${skip} \\) -prune -o -type d -printf '%p %m %u\\n' -o -printf '%p %m %u %s %l\\n'`,
  );
  return found.split('\n').filter(Boolean).sort();
}

/** What came and what went, between two listings. */
export const differences = (before: readonly string[], after: readonly string[]): string[] => [
  ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
  ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
];

/** Processes of a host: pid and command line of each. */
export const processes = (rows: Rows, host: string): Promise<string> =>
  sh(
    rows,
    host,
    'for dir in /proc/[0-9]*; do printf "%s " ${dir#/proc/}; tr "\\0\\n" "  " <$dir/cmdline; echo; done 2>/dev/null',
  );

/** Until the server has heard of the agent on this host. */
export async function reports(rows: Pick<Rows, 'server'>, host: string): Promise<string> {
  return until(`the agent of ${host} to report`, 120, async () => {
    const found = await rows.server.hostIfAny(host);
    const { items } = await rows.server.operator.listAgents();
    const agent = items.find(({ id }) => id === found?.agentId);
    return agent?.state === 'active' && agent.lastCheckIn !== null ? agent.id : null;
  });
}
