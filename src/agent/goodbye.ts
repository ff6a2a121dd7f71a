import { canonicalText } from '../host/canonical.ts';
import type { Host } from '../host/host.ts';
import { type Goodbye, GoodbyeReply } from '../model/agent.ts';
import { createClient } from './client.ts';
import type { AgentConfig } from './config.ts';
import { signEd25519 } from '../host/tasks/signature.ts';
import type { State } from './state.ts';

/** Whoever stops us, or the machine, does not wait for long. */
const PATIENCE_MS = 4000;

/** Tells the server why the agent ends. Returns whether the server expected it; null: it did not hear us, or there is none. */
export async function sayGoodbye(
  { state, config }: { state: State; config: AgentConfig },
  what: Pick<Goodbye, 'kind' | 'reason' | 'shutdown'>,
): Promise<boolean | null> {
  const identity = await state.identity();
  if (!identity) return null;
  const key = await state.key();
  const statement: Goodbye = {
    type: 'lastember/goodbye/v1',
    agentId: identity.agentId,
    ...what,
    at: new Date().toISOString(),
  };
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const client = createClient({ ...config, identity: { key: pem, cert: identity.certificate } });
  try {
    const body = { statement, signature: signEd25519(key, canonicalText(statement)) };
    const reply = await client.call('POST', '/goodbye', GoodbyeReply, { body, timeoutMs: PATIENCE_MS });
    return reply.expected;
  } catch {
    return null;
  } finally {
    client.close();
  }
}

/** Why somebody ends us: with the whole machine, or us alone. */
export async function whyStopped(host: Host): Promise<Pick<Goodbye, 'reason' | 'shutdown'>> {
  const told = await host.exec(['systemctl', 'is-system-running'], { timeoutMs: 2000 }).catch(() => null);
  if (told?.stdout.trim() === 'stopping') return { reason: 'the machine shuts down or restarts', shutdown: true };
  return { reason: 'its service was stopped', shutdown: false };
}
