import type { Access } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { textOf } from './http/wire.ts';
import { readUntil, serviceResult, stopped, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const CONNECT = Buffer.from('CONNECT {"verbose":false,"pedantic":false,"lang":"x","version":"0"}\r\nPING\r\n');

/** NATS greets with what it is; whether it lets anybody in, a CONNECT without credentials and a PING tell. */
export const natsProbe: Probe = {
  protocol: 'nats',
  ports: [4222],
  recognises: (greeting) => /^INFO \{.*"server_id"/.test(greeting.toString('latin1')),
  probe: (target) => talk(target, 'nats', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  const greeting = (await readUntil(conversation, (bytes) => bytes.includes('\n'))).toString('utf8');
  const info = jsonIn(greeting);
  if (!info) throw stopped(target, 'nats', 'its greeting does not parse');
  const said = {
    product: 'NATS',
    version: textOf(info, 'version'),
    details: { name: textOf(info, 'server_name'), go: textOf(info, 'go'), cluster: textOf(info, 'cluster') },
  };
  if (info['auth_required'] === true || info['tls_required'] === true) {
    const asksFor = info['auth_required'] === true ? 'credentials' : 'TLS';
    const access = asksFor === 'TLS' ? 'unknown' : 'refused';
    return serviceResult('nats', { ...said, access, what: `its greeting asks for ${asksFor}` });
  }
  conversation.write(CONNECT);
  const isWhole = (bytes: Buffer): boolean => /^(PONG|-ERR.*)\r\n/m.test(bytes.toString('latin1'));
  const answer = (await readUntil(conversation, isWhole, 8192)).toString('latin1');
  return serviceResult('nats', { ...said, ...verdictOn(answer) });
}

/** Other errors (that it is full, say) tell nothing of credentials. */
function verdictOn(answer: string): { access: Access; what: string } {
  const error = /^-ERR ?([^\r\n]{0,200})/m.exec(answer);
  if (error && /authori[sz]ation|authenticat/i.test(error[1]!))
    return { access: 'refused', what: 'a PING without credentials was refused' };
  if (error) return { access: 'unknown', what: `a PING was answered with an error: ${error[1]}` };
  const isOpen = /^PONG\r\n/m.test(answer);
  return isOpen
    ? { access: 'open', what: 'a PING was answered without credentials' }
    : { access: 'unknown', what: 'a PING was not answered' };
}

function jsonIn(greeting: string): Record<string, unknown> | null {
  try {
    return JSON.parse(/^INFO (\{.*\})/.exec(greeting)?.[1] ?? '') as Record<string, unknown>;
  } catch {
    return null;
  }
}
