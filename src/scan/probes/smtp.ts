import { productBy, type Signature } from '../logic/products.ts';
import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { OUR_NAME, smtpStarttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';
import { readReply, say } from './starttls/replies.ts';

const DEADLINE_MS = 6000;

const PRODUCTS: readonly Signature[] = [
  ['Exim', /\bExim(?: (\d[\w.]*))?/],
  ['Postfix', /\bPostfix\b/],
  ['Sendmail', /\bSendmail(?: (\d[\w.]*))?/],
  ['OpenSMTPD', /\bOpenSMTPD\b/],
  ['Microsoft Exchange', /Microsoft ESMTP MAIL Service(?:, Version: ([\d.]+))?/],
  ['Haraka', /\bHaraka(?:\/([\d.]+))?/],
  ['James', /\bJAMES\b/i],
  ['hMailServer', /hMailServer/i],
  ['MailEnable', /MailEnable/],
  ['Zimbra', /Zimbra/i],
];

/** Mail transfer: who it is, what it can do, TLS behind STARTTLS. No mail is begun. */
export const smtpProbe: Probe = {
  protocol: 'smtp',
  ports: [25, 465, 587, 2525],
  asks: {
    opening: () => Buffer.from(`EHLO ${OUR_NAME}\r\n`),
    knows: (answer) => /^220[\s\S]*^250[ -]/m.test(answer.toString('latin1')),
  },
  recognises: (greeting) => {
    const text = greeting.toString('latin1');
    return /^(220|421|554)[ -][^\n]*\b(e?smtp|postfix|exim|sendmail|mail (server|service))\b/i.test(text);
  },
  probe: async (target) => {
    const seen = await talk(target, 'smtp', DEADLINE_MS, async (conversation) => {
      const greeting = await readReply(conversation);
      if (!greeting.startsWith('220')) return { greeting, abilities: '' };
      say(conversation, `EHLO ${OUR_NAME}`);
      const abilities = await readReply(conversation);
      say(conversation, 'QUIT');
      return { greeting, abilities };
    });
    if (seen.greeting.startsWith('421')) throw stopped(target, 'smtp', 'it is busy and says so');
    if (!/^[245]\d\d/.test(seen.greeting)) throw stopped(target, 'smtp', 'no greeting of a mail server came');
    const abilities = seen.abilities.split(/\r?\n/).flatMap((line) => /^250[ -](.*)$/.exec(line)?.[1] ?? []);
    const result = serviceResult('smtp', {
      ...productBy(PRODUCTS, seen.greeting),
      access: 'unknown',
      what: 'it greets whoever connects, as mail servers do; whether it relays was not tried',
      details: { greeting: seen.greeting.split('\n')[0], abilities: abilities.slice(1).join(', ') },
    });
    const isWhole = /^250(?: [^\n]*)?\r?\n/m.test(seen.abilities);
    const offered = isWhole ? abilities.some((ability) => /^STARTTLS$/i.test(ability)) : null;
    return withTls(result, target, { offered, dialogue: smtpStarttls });
  },
};
