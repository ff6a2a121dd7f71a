import type { Probe } from './contract.ts';
import { NotItsProtocol, readUntil, serviceResult, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const VERSION = Buffer.from('version\r\n');
const KNOWN = /^VERSION (\S+)|^CLIENT_ERROR unauthenticated/;

/** Memcached by its text protocol. Where SASL is demanded it speaks another one, and stays unknown. */
export const memcachedProbe: Probe = {
  protocol: 'memcached',
  ports: [11_211],
  asks: { opening: () => VERSION, knows: (answer) => KNOWN.test(answer.toString('latin1')) },
  // To lines that are none of its commands, a whole ERROR each.
  recognises: (greeting) => /^(ERROR\r\n)+$/.test(greeting.toString('latin1')),
  probe: (target) =>
    talk(target, 'memcached', ANSWER_MS, async (conversation) => {
      conversation.write(VERSION);
      const answer = (await readUntil(conversation, (bytes) => bytes.includes('\n'), 1024)).toString('latin1');
      const known = KNOWN.exec(answer);
      if (!known) throw new NotItsProtocol(target, 'memcached', 'it did not tell its version');
      return serviceResult('memcached', {
        product: 'Memcached',
        version: known[1],
        access: known[1] ? 'open' : 'refused',
        what: known[1] ? '`version` was answered without credentials' : '`version` was refused without credentials',
      });
    }),
};
