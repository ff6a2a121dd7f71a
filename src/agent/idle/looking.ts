import { spawn, type ChildProcess } from 'node:child_process';
import type { FactsReply } from '../../model/agent.ts';
import type { Section } from '../../model/facts.ts';
import { envFor } from '../env.ts';
import { ownCommand } from '../self.ts';
import type { Ask } from './asker.ts';
import type { Handover } from './handover.ts';
import type { Looked } from './wait.ts';

/** What a look says to who started it: that it fetched lists, sections for the server, and when it is done. */
export type FromLook = { listsAt: number } | { sections: Section[] } | { looked: Looked };
export type ToLook = FactsReply | { failed: string };

const LOOK_MS = 900_000;

/** In a process of its own, which ends: what it needs is given back whole. */
export function look(handed: Handover, ask: Ask, signal: AbortSignal): Promise<Looked> {
  const [command, ...own] = ownCommand();
  const env = { ...envFor({ looking: JSON.stringify(handed) }), LASTEMBER_SUPERVISOR: String(process.pid) };
  return new Promise((resolve, reject) => {
    const child = spawn(command!, [...own, ...process.argv.slice(2)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let looked: Looked | null = null;
    const over = endWhen(child, signal);
    child.on('message', (message: FromLook) => {
      if ('looked' in message) looked = message.looked;
      // Whatever becomes of the look: they are not fetched again each time.
      else if ('listsAt' in message) handed.times.listsAt = message.listsAt;
      else void tell(ask, message.sections).then((answer) => child.connected && child.send(answer));
    });
    child.on('error', reject);
    child.on('exit', (code, killed) => {
      over();
      if (looked !== null && code === 0) resolve(looked);
      else reject(new Error(`it ended with ${killed ?? code}`));
    });
  });
}

/** Told to stop, or at it for longer than any look is. */
function endWhen(child: ChildProcess, signal: AbortSignal): () => void {
  const stop = (): void => void child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), LOOK_MS);
  signal.addEventListener('abort', stop, { once: true });
  return () => {
    clearTimeout(late);
    signal.removeEventListener('abort', stop);
  };
}

/** What the server answers to sections of facts. */
async function tell(ask: Ask, sections: Section[]): Promise<ToLook> {
  try {
    const { status, text } = await ask('POST', '/facts', { body: { sections } });
    if (status >= 400) return { failed: `the server answered ${status} to facts` };
    const { want } = JSON.parse(text) as Partial<FactsReply>;
    return Array.isArray(want) ? { want } : { failed: 'the server answered in another form to facts' };
  } catch (error) {
    return { failed: (error as Error).message };
  }
}
