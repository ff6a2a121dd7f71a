import { productBy, type Signature } from '../logic/products.ts';
import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { pop3Starttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';
import { readLine, readLines, say } from './starttls/replies.ts';

const DEADLINE_MS = 6000;

const PRODUCTS: readonly Signature[] = [
  ['Dovecot', /\bDovecot\b/i],
  ['Cyrus POP3', /Cyrus POP3\D{0,8}([\d.]+)?/],
  ['Courier POP3', /\bCourier\b/i],
  ['Microsoft Exchange', /Microsoft Exchange/],
  ['Qpopper', /\bQPOP \(version ([\d.]+)/],
];

/** Mailboxes the older way. */
export const pop3Probe: Probe = {
  protocol: 'pop3',
  ports: [110, 995],
  recognises: (greeting) => /^\+OK\b/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const { greeting, abilities, state } = await talk(target, 'pop3', DEADLINE_MS, async (conversation) => {
      const greeting = await readLine(conversation);
      say(conversation, 'CAPA');
      const abilities = await readLines(conversation, (line) => line === '.' || line.startsWith('-ERR'));
      say(conversation, 'STAT');
      const state = await readLine(conversation);
      say(conversation, 'QUIT');
      return { greeting, abilities, state };
    });
    if (!greeting.startsWith('+OK')) throw stopped(target, 'pop3', 'no greeting of a mail server came');
    const list = abilities.split(/\r?\n/).filter((line) => line !== '' && line !== '.' && !/^[+-]/.test(line));
    const open = state.startsWith('+OK');
    const result = serviceResult('pop3', {
      ...productBy(PRODUCTS, `${greeting}\n${/^IMPLEMENTATION .*$/m.exec(abilities)?.[0] ?? ''}`),
      access: open ? 'open' : 'refused',
      what: open ? 'a STAT without a login was answered' : 'a STAT without a login was refused',
      details: { greeting: greeting.trim(), abilities: list.join(', ') },
    });
    const offered = /^\.\r?$/m.test(abilities) ? list.some((line) => /^STLS$/i.test(line)) : null;
    return withTls(result, target, { offered, dialogue: pop3Starttls });
  },
};
