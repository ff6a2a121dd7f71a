import type { Access } from '../../model/probe.ts';
import { productBy, type Signature } from '../logic/products.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { ftpStarttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';
import { readReply, say } from './starttls/replies.ts';

const DEADLINE_MS = 6000;

const PRODUCTS: readonly Signature[] = [
  ['vsftpd', /\(vsFTPd (\d[\w.]*)\)/],
  ['ProFTPD', /\bProFTPD(?: (\d[\w.]*))?/],
  ['Pure-FTPd', /\bPure-FTPd\b/],
  ['FileZilla Server', /FileZilla Server(?: (?:version )?([\d.]+))?/],
  ['Microsoft FTP Service', /Microsoft FTP Service/],
  ['wu-ftpd', /\bwu-([\d.]+)/],
  ['Serv-U', /Serv-U FTP Server(?: v([\d.]+))?/],
  ['GNU inetutils ftpd', /\(GNU inetutils ([\d.]+)\)/],
  ['pyftpdlib', /pyftpdlib ([\d.]+)/],
];

/** File transfer: who it is, whether commands want a login, TLS behind AUTH TLS. Nobody is logged in, not even `anonymous`. */
export const ftpProbe: Probe = {
  protocol: 'ftp',
  ports: [21, 990, 2121],
  asks: {
    opening: () => Buffer.from('FEAT\r\n'),
    knows: (answer) => /^220[\s\S]*^(211|500|502|530)[ -]/m.test(answer.toString('latin1')),
  },
  recognises: (greeting) => {
    const text = greeting.toString('latin1');
    // A mail server may be called ftp.example.
    return /^220[ -][^\0]*\b(vs|pro|pure-)?ftpd?\b/i.test(text) && !/^220[^\n]*\be?smtp\b(?![.-])/i.test(text);
  },
  probe: async (target) => {
    const seen = await talk(target, 'ftp', DEADLINE_MS, async (conversation) => {
      const greeting = await readReply(conversation);
      const ask = async (line: string): Promise<string> => {
        say(conversation, line);
        return readReply(conversation);
      };
      if (!greeting.startsWith('220')) return greeting.startsWith('421') ? 'busy' : null;
      const seen = { greeting, features: await ask('FEAT'), directory: await ask('PWD') };
      say(conversation, 'QUIT');
      return seen;
    });
    if (seen === 'busy') throw stopped(target, 'ftp', 'it is busy and says so');
    if (!seen) throw stopped(target, 'ftp', 'no greeting of a file server came');
    const features = seen.features.split(/\r?\n/).filter((line) => /^\s/.test(line));
    const result = serviceResult('ftp', {
      ...productBy(PRODUCTS, seen.greeting),
      ...accessOf(seen),
      details: { greeting: seen.greeting.split('\n')[0], features: features.map((line) => line.trim()).join(', ') },
    });
    // Some have it and list it only to those who are logged in.
    const offered = /AUTH\s[^\n]*(TLS|SSL)/i.test(seen.features) || (await asksForTls(target));
    return withTls(result, target, { offered, dialogue: ftpStarttls });
  },
};

/** Most let in `anonymous` only after that name was given, which is a login: a refusal of commands before it proves nothing. */
function accessOf({ greeting, directory }: { greeting: string; directory: string }): { access: Access; what: string } {
  if (directory.startsWith('257')) return { access: 'open', what: 'it told its directory without a login' };
  const bars =
    /\bno anonymous\b|\bnot (allow|accept|permit) anonymous\b|\banonymous\b[^\n]{0,40}\b(disabled|denied|not allowed)/i;
  if (bars.test(greeting) || bars.test(directory))
    return { access: 'refused', what: 'it says that it lets in nobody as anonymous' };
  return { access: 'unknown', what: 'it told nothing without a login; whether it lets in anonymous was not tried' };
}

/** Null: it answered neither yes nor that it knows no such thing. */
async function asksForTls(target: ProbeTarget): Promise<boolean | null> {
  if (target.secure) return false;
  const answer = await talk(target, 'ftp', DEADLINE_MS, async (conversation) => {
    if (!(await readReply(conversation)).startsWith('220')) return '';
    say(conversation, 'AUTH TLS');
    return readReply(conversation);
  });
  if (answer.startsWith('234')) return true;
  return /^(500|502|504|534)/.test(answer) ? false : null;
}
