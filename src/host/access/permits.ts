import { fits } from '../settings/glob.ts';

/** The login by which we reach a host, as far as it is known. */
export interface Login {
  user: string;
  /** how it proves itself; null: nobody told */
  method: 'publickey' | 'password' | null;
}

type Settings = Readonly<Record<string, string>>;

const words = (settings: Settings, key: string): string[] => (settings[key] ?? '').split(/\s+/).filter(Boolean);
/** `user@host` patterns: which address we come from is not known here, so only the name is judged. */
const named = (patterns: readonly string[], names: readonly string[]): boolean =>
  patterns.some((pattern) => names.some((name) => fits(name, pattern.split('@')[0]!)));

/**
 * Why sshd with these settings (as `sshd -T -C user=…` tells them) would turn the login away, or null. The order is
 * sshd_config(5)'s: DenyUsers, AllowUsers, DenyGroups, AllowGroups; then root; then the way of proving oneself.
 */
export function whyTurnedAway(settings: Settings, login: Login, groups: readonly string[] | null): string | null {
  return byLists(settings, login.user, groups) ?? byRoot(settings, login) ?? byMethod(settings, login);
}

function byLists(settings: Settings, user: string, groups: readonly string[] | null): string | null {
  if (named(words(settings, 'denyusers'), [user])) return `DenyUsers names ${user}`;
  const users = words(settings, 'allowusers');
  if (users.length > 0 && !named(users, [user])) return `AllowUsers does not name ${user}`;
  if (groups === null) return null;
  if (named(words(settings, 'denygroups'), groups)) return `DenyGroups names a group of ${user}`;
  const allowed = words(settings, 'allowgroups');
  return allowed.length > 0 && !named(allowed, groups) ? `AllowGroups names no group of ${user}` : null;
}

function byRoot(settings: Settings, { user, method }: Login): string | null {
  const root = settings['permitrootlogin'];
  if (user !== 'root' || root === undefined || root === 'yes') return null;
  if (root === 'prohibit-password' && method !== 'password') return null;
  return `PermitRootLogin is ${root}`;
}

function byMethod(settings: Settings, { method }: Login): string | null {
  const off = (key: string): boolean => settings[key] === 'no';
  const noKey = off('pubkeyauthentication') || settings['authorizedkeysfile'] === 'none';
  const noPassword = off('passwordauthentication') && off('kbdinteractiveauthentication');
  if (noKey && noPassword) return 'neither keys nor passwords are taken any more';
  if (method === 'publickey' && noKey) return 'keys are not taken any more (PubkeyAuthentication, AuthorizedKeysFile)';
  if (method === 'password' && noPassword) return 'passwords are not taken any more (PasswordAuthentication)';
  return method === null ? null : byMethodLists(words(settings, 'authenticationmethods'), method);
}

/** Lists of methods, each of which has to be gone through as a whole; we have one. */
function byMethodLists(all: readonly string[], method: 'publickey' | 'password'): string | null {
  const lists = all.filter((list) => list !== 'any');
  const wanted = method === 'password' ? /^(?:password|keyboard-interactive)(?::|$)/ : /^publickey$/;
  return lists.length === 0 || lists.some((list) => wanted.test(list))
    ? null
    : `AuthenticationMethods is ${lists.join(' ')}`;
}
