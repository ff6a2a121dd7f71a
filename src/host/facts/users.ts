import type { AccountFact, AuthorizedKeyFact, UsersFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { remembered } from '../remembered.ts';
import { parseAccounts, parseGroups } from '../settings/accounts.ts';
import { keyFilesOf, parseAuthorizedKeys } from '../settings/authorized-keys.ts';
import type { ReadSudoers } from '../settings/sudo-lines.ts';
import { parseSudoers, type Sudoers } from '../settings/sudoers.ts';
import { by, each, modeText, type FactSection } from './look.ts';
import { sshd } from './shared.ts';

const SUDOERS = '/etc/sudoers';
/** Larger ones are no list of keys. */
const FILE_LIMIT = 512 * 1024;
const DATABASE_LIMIT = 4 * 1024 * 1024;
/** Each host has its own list; a worker looks at more of them than this only where it is one for thousands. */
const HOSTS_KEPT = 2000;
const accountsOf = remembered(HOSTS_KEPT, parseAccounts);

/** Who may log in and who may become whom. */
export const users: FactSection<'users'> = {
  name: 'users',
  version: 3,
  async collect(look): Promise<UsersFacts> {
    const read = reader(look.host);
    const passwd = (await readText(look.host, '/etc/passwd', DATABASE_LIMIT)) ?? '';
    const shadow = await read('/etc/shadow', DATABASE_LIMIT);
    const accounts = await each(accountsOf(passwd, shadow), (account) => withHome(look.host, account));
    const { sudo, defaults } = await readSudoers(look.host, read);
    const setting = (await sshd(look)).settings['authorizedkeysfile'];
    const keys = await each(accounts, (account) => keysOf(account, setting, read));
    return {
      accounts: accounts.sort(
        by(
          (one) => one.uid,
          (one) => one.name,
        ),
      ),
      groups: parseGroups((await readText(look.host, '/etc/group', DATABASE_LIMIT)) ?? '').sort(
        by(
          (one) => one.gid,
          (one) => one.name,
        ),
      ),
      sudo: sudo.sort(by((one) => [one.who, one.path, one.runAs, ...one.commands, ...one.hosts].join(' '))),
      sudoDefaults: [...new Set(defaults)].sort(),
      authorizedKeys: keys.flat().sort(by((one) => [one.user, one.path, one.fingerprint].join(' '))),
      unread: [...read.refused].sort(),
    };
  },
};

/** Homes of services are for their packages to say. */
const FIRST_PERSON = 1000;

async function withHome(host: Host, account: AccountFact): Promise<AccountFact> {
  const isPerson = account.uid >= FIRST_PERSON && account.name !== 'nobody';
  if ((!isPerson && account.uid !== 0) || !account.home.startsWith('/')) return account;
  try {
    const stat = await host.stat(account.home);
    if (stat === null) return { ...account, homeThere: false };
    return { ...account, homeThere: true, homeMode: modeText(stat.mode), homeUid: stat.uid };
  } catch {
    return account;
  }
}

interface Reader {
  (path: string, limit?: number): Promise<string | null>;
  /** what is there, but could not be read, or not all of it */
  readonly refused: Set<string>;
}

/** One home that root may not read (as on NFS) says nothing about the others. */
function reader(host: Host): Reader {
  const refused = new Set<string>();
  const read = async (path: string, limit = FILE_LIMIT): Promise<string | null> => {
    try {
      return await readText(host, path, limit);
    } catch {
      refused.add(path);
      return null;
    }
  };
  return Object.assign(read, { refused });
}

async function keysOf(account: AccountFact, setting: string | undefined, read: Reader): Promise<AuthorizedKeyFact[]> {
  const found: AuthorizedKeyFact[] = [];
  // An account without a home has none of its own; `/` as a home is that of several system accounts.
  if (!account.home.startsWith('/')) return found;
  for (const path of new Set(keyFilesOf(setting, account))) {
    const at = path.replace(/\/+/g, '/');
    const { keys, whole } = parseAuthorizedKeys((await read(at)) ?? '');
    if (!whole) read.refused.add(at);
    found.push(...keys.map((key) => ({ user: account.name, path: at, ...key })));
  }
  return found;
}

async function readSudoers(host: Host, read: Reader): Promise<Sudoers> {
  const text = await read(SUDOERS);
  if (text === null) return { sudo: [], defaults: [], unread: [] };
  const hostname = ((await readText(host, '/proc/sys/kernel/hostname', 4096)) ?? '').trim().split('.')[0]!;
  const included: ReadSudoers = async (kind, path) => {
    const at = path.replaceAll('%h', hostname);
    // sudo leaves out names with a dot and those of editors' copies.
    const names = kind === 'include' ? null : ((await host.list(at)) ?? []).filter((name) => !/\.|~$/.test(name));
    const paths = names === null ? [at] : names.map((name) => `${at}/${name}`);
    const texts = await each(paths, async (one) => ({ path: one, text: await read(one) }));
    return texts.flatMap(({ path: one, text: inner }) => (inner === null ? [] : [{ path: one, text: inner }]));
  };
  const parsed = await parseSudoers(SUDOERS, text, included);
  for (const path of parsed.unread) read.refused.add(path);
  return parsed;
}
