import { productBy, type Signature } from '../logic/products.ts';
import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { imapStarttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';
import { readLine, readLines, say } from './starttls/replies.ts';

const DEADLINE_MS = 6000;

const PRODUCTS: readonly Signature[] = [
  ['Dovecot', /\bDovecot\b/i],
  ['Cyrus IMAP', /Cyrus IMAP\D{0,8}([\d.]+)?/],
  ['Courier IMAP', /Courier-IMAP/],
  ['Microsoft Exchange', /Microsoft Exchange/],
  ['UW IMAP', /\bIMAP4rev1 (20\d\d\.\d+)/],
];

/** Mailboxes: who it is (ID, RFC 2971), abilities, TLS behind STARTTLS. */
export const imapProbe: Probe = {
  protocol: 'imap',
  ports: [143, 993],
  recognises: (greeting) => /^\* (OK|PREAUTH|BYE)\b/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const { greeting, abilities, id } = await talk(target, 'imap', DEADLINE_MS, async (conversation) => {
      const greeting = await readLine(conversation);
      const ask = async (tag: string, command: string): Promise<string> => {
        say(conversation, `${tag} ${command}`);
        return readLines(conversation, (line) => line.startsWith(`${tag} `));
      };
      if (greeting.startsWith('* BYE')) return { greeting, abilities: '', id: '' };
      const abilities = await ask('a', 'CAPABILITY');
      const id = /\bID\b/.test(abilities) ? await ask('b', 'ID NIL') : '';
      say(conversation, 'c LOGOUT');
      return { greeting, abilities, id };
    });
    if (!greeting.startsWith('* ')) throw stopped(target, 'imap', 'no greeting of a mail server came');
    const list = /^\* CAPABILITY (.*)$/m.exec(abilities)?.[1]?.trim() ?? '';
    const open = greeting.startsWith('* PREAUTH');
    const version = /"version" "([^"]+)"/i.exec(id)?.[1];
    const result = serviceResult('imap', {
      ...(version ? { version } : {}),
      ...productBy(PRODUCTS, `${id}\n${greeting}`),
      access: open ? 'open' : greeting.startsWith('* OK') ? 'refused' : 'unknown',
      what: open ? 'it takes whoever connects for logged in' : 'it asks for a login after its greeting',
      details: { greeting: greeting.trim(), abilities: list },
    });
    const offered = list !== '' && /^a OK\b/im.test(abilities) ? /\bSTARTTLS\b/i.test(list) : null;
    return withTls(result, target, { offered, dialogue: imapStarttls });
  },
};
