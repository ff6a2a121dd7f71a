import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { readUntil, serviceResult, stopped, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const command = (...words: string[]): Buffer =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
const PING = command('PING');
const INFO = command('INFO', 'server');

const REFUSED = /^-(NOAUTH|DENIED|NOPERM|WRONGPASS)\b/;
const OWN_WORDS =
  /^-(NOAUTH |DENIED Redis|NOPERM |LOADING |MASTERDOWN |ERR (unknown command|wrong number of arg|Protocol error|max number of clients))/;

/** Redis and its kin: PING needs rights where a password is set, so its answer tells. No other command but INFO. */
export const redisProbe: Probe = {
  protocol: 'redis',
  ports: [6379, 6380, 16379],
  asks: { opening: () => PING, knows: (answer) => /^(\+PONG\r\n|-LOADING )/.test(answer.toString('latin1')) },
  recognises: (greeting) => OWN_WORDS.test(greeting.toString('latin1')),
  probe: (target) => talk(target, 'redis', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  conversation.write(PING);
  const pong = await line(conversation);
  if (REFUSED.test(pong)) {
    const what = 'a PING without a password was refused';
    return serviceResult('redis', {
      product: 'Redis or Valkey',
      access: 'refused',
      what,
      details: { answer: pong.slice(1) },
    });
  }
  if (!/^(\+PONG|-LOADING|-MASTERDOWN)/.test(pong)) throw stopped(target, 'redis', 'a PING was answered otherwise');
  conversation.write(INFO);
  const info = factsOf(await readUntil(conversation, isWholeInfo));
  return serviceResult('redis', {
    product: info['server_name'] === 'valkey' ? 'Valkey' : 'Redis',
    version: info['valkey_version'] ?? info['redis_version'],
    access: 'open',
    what: 'a PING was answered without a password',
    details: { mode: info['redis_mode'], os: info['os'] },
  });
}

const line = async (conversation: Conversation): Promise<string> =>
  (await readUntil(conversation, (bytes) => bytes.includes('\n'), 4096)).toString('latin1').trim();

function isWholeInfo(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  const size = /^\$(\d{1,6})\r\n/.exec(text);
  return size ? text.length >= size[0].length + Number(size[1]) + 2 : /^[^$][^\n]*\n/.test(text);
}

function factsOf(info: Buffer): Record<string, string> {
  const lines = info.toString('latin1').split('\r\n');
  return Object.fromEntries(
    lines.flatMap((each) => [/^([a-z_]+):(.*)$/.exec(each)?.slice(1, 3) ?? []].filter((pair) => pair.length === 2)),
  );
}
