import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { certificateRequest } from '../host/pki/request.ts';
import { readIdentity } from '../host/identity.ts';
import type { Host } from '../host/host.ts';
import { RenewReply, type EnrollReply } from '../model/agent.ts';
import { clientOf, type Client } from './client.ts';
import type { AgentConfig } from './config.ts';
import type { Log } from './log.ts';
import type { State } from './state.ts';

/** Two thirds of its life: a month is left of three, for servers and hosts that are away for weeks. */
const DUE_AFTER = 2 / 3;

export function renewalDue(certificate: string): Date {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const life = validToDate.getTime() - validFromDate.getTime();
  return new Date(validFromDate.getTime() + life * DUE_AFTER);
}

/** Asks for a certificate with a later end for the same key; null when what came is no such thing. */
async function renew(host: Host, state: State, client: Client, identity: EnrollReply): Promise<EnrollReply | null> {
  const key = await state.key();
  const { hostname } = await readIdentity(host);
  const body = { csr: certificateRequest(key, hostname) };
  const { certificate } = await client.call('POST', '/renew', RenewReply, { body });
  const [now, next] = [new X509Certificate(identity.certificate), new X509Certificate(certificate)];
  const ours = next.publicKey.equals(createPublicKey(key)) && next.validToDate > now.validToDate;
  if (!ours) return null;
  const renewed = { ...identity, certificate };
  await state.saveIdentity(renewed);
  return renewed;
}

interface Renewing {
  options: { host: Host; state: State; config: AgentConfig };
  key: KeyObject;
  identity: EnrollReply;
  client: Client;
  log: Log;
}

/** From here on it shows the new one. */
export async function renewNow(agent: Renewing): Promise<void> {
  const { host, state, config } = agent.options;
  const renewed = await renew(host, state, agent.client, agent.identity);
  if (renewed === null) throw new Error('the server answered with a certificate that is not ours or ends no later');
  agent.identity = renewed;
  agent.client.close();
  agent.client = clientOf(config, agent.key, renewed);
  agent.log.info('Certificate renewed');
}
