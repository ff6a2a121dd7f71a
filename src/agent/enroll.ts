import { EnrollReply } from '../model/agent.ts';
import { AppError } from '../model/errors/index.ts';
import type { Host } from '../host/host.ts';
import { readIdentity } from '../host/identity.ts';
import { certificateRequest } from '../host/pki/request.ts';
import { createClient, refusalCode } from './client.ts';
import { wipeToken, type AgentConfig } from './config.ts';
import { readBootId, readMachine } from './machine.ts';
import type { State } from './state.ts';
import { VERSION } from './version.ts';

/**
 * Shows the token and gets a certificate for the key that was made here. What the server says now is pinned: whose
 * approvals count, and which key signs the trail. The same key may ask again when an answer was lost.
 */
export async function enroll(host: Host, state: State, config: AgentConfig, configPath: string): Promise<EnrollReply> {
  if (config.token === undefined) throw new AppError('AGENT_NOT_ENROLLED');
  const identity = await readIdentity(host);
  const client = createClient({ server: config.server, ca: config.ca });
  const ask = async (): Promise<EnrollReply> => {
    const body = {
      token: config.token,
      csr: certificateRequest(await state.key(), identity.hostname),
      version: VERSION,
      platform: `${process.platform}-${process.arch}`,
      ...identity,
      bootId: await readBootId(host),
    };
    return client.call('POST', '/enroll', EnrollReply, { body });
  };
  try {
    const reply = await ask().catch(async (error: unknown) => {
      if (refusalCode(error) !== 'ENROLL_KEY_SHARED') throw error;
      // Another machine has our key, too.
      await state.forget();
      return ask();
    });
    await state.saveMachine(await readMachine(host));
    await state.saveIdentity(reply);
    await wipeToken(host, configPath, config);
    return reply;
  } finally {
    client.close();
  }
}
