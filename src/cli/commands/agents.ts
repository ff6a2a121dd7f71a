import type { Command } from 'commander';
import { ApiError, type Client } from '../../client/client.ts';
import { EXIT, Exit } from '../exit.ts';
import { list, progress } from '../output.ts';
import { hostIdOf } from '../lookup.ts';
import { collect, does, text, texts } from '../run.ts';

/** Hosts that are worked on at one time. */
const CONCURRENCY = 4;

interface Result {
  host: string;
  result: 'removed' | 'failed';
  credential: string | null;
  why: string | null;
}

/** What is done to agents on their hosts. */
export function addAgents(root: Command): void {
  const agent = root.command('agent').description('Agents on their hosts');
  does(
    agent
      .command('uninstall <host...>')
      .description('Take the agent off hosts over SSH, with the logins that deploying uses; nothing of it is left')
      .requiredOption('--reason <text>', 'why')
      .option('--credential <name>', 'try only this login (may be repeated, in order)', collect),
    async (context, [names], options) => {
      const client = await context.client();
      const hosts = await Promise.all((names ?? []).map(async (name) => ({ name, id: await hostIdOf(client, name) })));
      const bar = progress(context.output);
      const results: Result[] = [];
      const queue = [...hosts];
      const lane = async (): Promise<void> => {
        for (let host = queue.shift(); host; host = queue.shift()) {
          results.push(await one(client, host, text(options, 'reason')!, texts(options, 'credential')));
          bar.at(`uninstalling: ${results.length} of ${hosts.length}`);
        }
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, lane));
      bar.done();
      list(
        context.output,
        results,
        [
          { title: 'HOST', of: (r) => r.host, shrink: true },
          { title: 'RESULT', of: (r) => r.result },
          { title: 'LOGIN', of: (r) => r.credential ?? '–' },
          { title: 'WHY', of: (r) => r.why ?? '', shrink: true },
        ],
        'No hosts.',
      );
      if (results.some(({ result }) => result === 'failed')) throw new Exit(EXIT.negative);
    },
  );
}

async function one(
  client: Client,
  host: { name: string; id: string },
  reason: string,
  credentials: string[],
): Promise<Result> {
  try {
    const body = { reason, ...(credentials.length ? { credentials } : {}) };
    const { credential, told } = await client.uninstallAgent({ params: { id: host.id }, body });
    const why = told ? null : 'the agent could not say goodbye itself';
    return { host: host.name, result: 'removed', credential, why };
  } catch (error) {
    // What one host answers concerns that host; who may not do it at all is told once.
    if (error instanceof ApiError && ![401, 403].includes(error.status))
      return { host: host.name, result: 'failed', credential: null, why: error.message };
    throw error;
  }
}
