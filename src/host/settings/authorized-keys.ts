import { createHash } from 'node:crypto';
import type { AuthorizedKeyFact } from '../../model/facts.ts';

const TYPE = /^(?:ssh-|ecdsa-sha2-|sk-(?:ssh|ecdsa)-)[\w@.-]+$/;
const DEFAULT_FILES = '.ssh/authorized_keys .ssh/authorized_keys2';

type Key = Pick<AuthorizedKeyFact, 'type' | 'fingerprint' | 'comment' | 'options'>;

/** Keys of one authorized_keys file. */
export function parseAuthorizedKeys(text: string): Key[] {
  return text.split('\n').flatMap((line) => {
    const words = wordsOf(line.trim());
    if (words.length < 2 || words[0]!.startsWith('#')) return [];
    // Options come first, and only then: the type says where they end.
    const at = TYPE.test(words[0]!) ? 0 : 1;
    const [type, blob, ...comment] = words.slice(at);
    if (type === undefined || blob === undefined || !TYPE.test(type)) return [];
    const options = at === 0 ? [] : optionsOf(words[0]!);
    return [{ type, fingerprint: fingerprintOf(blob), comment: comment.join(' ').slice(0, 200), options }];
  });
}

/** As OpenSSH prints it. */
function fingerprintOf(blob: string): string {
  const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** Blanks within quotes belong to the word. */
const wordsOf = (line: string): string[] => line.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];

/** An option may set a variable or a command, and with it a secret: only where the key is good for is told. */
function optionsOf(text: string): string[] {
  const options = text.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? [];
  return options
    .map((option) => (/^from=/i.test(option) ? option.replace(/^from/i, 'from') : option.split('=')[0]!.toLowerCase()))
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
