import type { AccountFact, GroupFact } from '../../model/facts.ts';
import { entryOf } from '../../model/entry-of.ts';

const DAY_MS = 86_400_000;
/** crypt(5) */
const SCHEMES: Record<string, string> = {
  '1': 'md5',
  '2a': 'bcrypt',
  '2b': 'bcrypt',
  '2y': 'bcrypt',
  '5': 'sha256',
  '6': 'sha512',
  '7': 'scrypt',
  gy: 'gost-yescrypt',
  y: 'yescrypt',
};

type Password = Pick<AccountFact, 'password' | 'scheme' | 'changedOn' | 'maxDays' | 'expiresOn'>;
const NOTHING = { scheme: null, changedOn: null, maxDays: null, expiresOn: null };

/** Accounts of /etc/passwd; `shadow` is null where it cannot be read. Of a hash, only its kind leaves this function. */
export function parseAccounts(passwd: string, shadow: string | null): AccountFact[] {
  const kept = shadow === null ? null : new Map(rows(shadow).map((row) => [row[0]!, row]));
  return rows(passwd).flatMap(([name, secret = '', uid, gid, , home = '', shell = '']) => {
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    const password = secret === 'x' ? fromShadow(kept, name) : { ...NOTHING, ...stateOf(secret) };
    return [{ name, uid: Number(uid), gid: Number(gid), home, shell, ...password }];
  });
}

export function parseGroups(text: string): GroupFact[] {
  return rows(text).flatMap(([name, , gid, members = '']) => {
    if (!name || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, gid: Number(gid), members: [...new Set(members.split(',').filter(Boolean))].sort() }];
  });
}

const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !/^[#+-]/.test(line))
    .map((line) => line.split(':'));

function fromShadow(kept: ReadonlyMap<string, string[]> | null, name: string): Password {
  if (kept === null) return { password: null, ...NOTHING };
  const row = kept.get(name);
  if (row === undefined) return { password: 'external', ...NOTHING };
  const [, secret = '', changed, , max, , , expires] = row;
  return {
    ...stateOf(secret),
    changedOn: dayOf(changed),
    // 99999 is how the tools write that it never ends.
    maxDays: max && Number(max) < 99_999 ? Number(max) : null,
    expiresOn: dayOf(expires),
  };
}

function stateOf(secret: string): Pick<Password, 'password' | 'scheme'> {
  if (secret === '') return { password: 'empty', scheme: null };
  const scheme = schemeOf(secret.replace(/^[!*]+/, ''));
  return /^[!*]/.test(secret) || scheme === null ? { password: 'locked', scheme } : { password: 'set', scheme };
}

/** Null: no password has this hash, as with `x` or `NP`. */
function schemeOf(hash: string): string | null {
  const id = /^\$([^$]*)\$/.exec(hash)?.[1];
  if (id !== undefined) return entryOf(SCHEMES, id) ?? 'other';
  return /^[./0-9A-Za-z]{13}$/.test(hash) ? 'des' : null;
}

function dayOf(field: string | undefined): string | null {
  const days = Number(field);
  if (!field || !Number.isInteger(days) || days <= 0 || days > 2_932_896) return null;
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}
