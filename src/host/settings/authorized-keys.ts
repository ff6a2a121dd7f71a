import { sshFingerprint } from '../pki/ssh-fingerprint.ts';
import type { AuthorizedKeyFact } from '../../model/facts.ts';
import { cut } from '../text.ts';
import { firstEnd, split, type WordRules } from '../words.ts';

const TYPE = /^(?:ssh-|ecdsa-sha2-|sk-(?:ssh|ecdsa)-)[\w@.-]{1,100}$/;
const DEFAULT_FILES = '.ssh/authorized_keys .ssh/authorized_keys2';
/** Keys of 16384 bits are shorter. */
const LINE_LIMIT = 16_384;
const KEYS_LIMIT = 2000;
const OPTIONS_LIMIT = 50;
const BLANK: WordRules = { ends: (char) => /\s/.test(char), quotes: '"', escapes: 'quotes' };
const COMMA: WordRules = { ends: (char) => char === ',', quotes: '"', escapes: 'quotes' };

type Key = Pick<AuthorizedKeyFact, 'type' | 'fingerprint' | 'comment' | 'options'>;

export interface ReadKeys {
  keys: Key[];
  /** false: lines too long, or too many keys: there may be others */
  whole: boolean;
}

/** Keys of one authorized_keys file. */
export function parseAuthorizedKeys(text: string): ReadKeys {
  const lines = text.split('\n');
  const keys = lines.flatMap((line) => (line.length > LINE_LIMIT ? [] : keyOf(line.trim())));
  const whole = keys.length <= KEYS_LIMIT && lines.every((line) => line.length <= LINE_LIMIT);
  return { keys: keys.slice(0, KEYS_LIMIT), whole };
}

/** As sshd reads it: options come first, and only then; their quotes hold blanks. */
function keyOf(line: string): Key[] {
  if (line === '' || line.startsWith('#')) return [];
  const hasOptions = !TYPE.test(line.slice(0, 120).split(/\s/, 1)[0]!);
  const end = hasOptions ? firstEnd(line, BLANK) : 0;
  const [type, blob, ...comment] = line.slice(end).trim().split(/\s+/);
  if (type === undefined || blob === undefined || !TYPE.test(type)) return [];
  const options = optionsOf(line.slice(0, end));
  return [
    { type, fingerprint: sshFingerprint(Buffer.from(blob, 'base64')), comment: cut(comment.join(' '), 200), options },
  ];
}

/** An option may set a variable or a command, and with it a secret: only where the key is good for is told. */
function optionsOf(text: string): string[] {
  return split(text, COMMA)
    .slice(0, OPTIONS_LIMIT)
    .map((option) => (/^from=/i.test(option) ? option.replace(/^from/i, 'from') : option.split('=')[0]!.toLowerCase()))
    .map((option) => cut(option, 500))
    .sort();
}

/** Where sshd looks for keys of this account, by its effective `AuthorizedKeysFile`. */
export function keyFilesOf(
  setting: string | undefined,
  account: { name: string; uid: number; home: string },
): string[] {
  const names = (setting ?? DEFAULT_FILES).split(/\s+/).filter((name) => name !== '' && name !== 'none');
  return names.map((name) => {
    const path = name.replace(/%([%hUu])/g, (_all, token: string) => {
      if (token === 'h') return account.home;
      return token === 'u' ? account.name : token === 'U' ? String(account.uid) : '%';
    });
    return path.startsWith('/') ? path : `${account.home}/${path}`;
  });
}
