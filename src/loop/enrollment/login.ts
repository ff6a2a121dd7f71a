import { sshHost, type Become, type SshHost, type SshTarget } from '../../host/ssh/index.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Step } from './deadline.ts';
import { covers } from './logic/binding.ts';
import { credentials, pinKey, pinnedKey, type CredentialRow, type Via, viaOf } from './store-login.ts';
import { tellUse } from './tell-use.ts';

/** Logs in where discovery saw SSH, with the first of these credentials that may be used there and is accepted. */
export async function reach(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  logins: CredentialRow[],
  step: Step,
  allows: (address: string) => boolean = () => true,
): Promise<{ remote: SshHost; credential: CredentialRow }> {
  const away = await discovery.away(host.id);
  const isOurs = (address: string): boolean => allows(address) && !away.has(address);
  const seen = await sshOf(discovery, host.id, isOurs);
  // Behind a bastion nobody could have scanned: there SSH is where it usually is.
  const address = seen?.address ?? host.addresses.find(isOurs);
  const elsewhere = host.addresses.find((one) => away.has(one));
  if (address === undefined && elsewhere !== undefined)
    throw new AppError('ADDRESS_ELSEWHERE', { address: elsewhere, site: away.get(elsewhere)! });
  const door = seen ?? (address === undefined ? null : { address, port: SSH_PORT, keys: [], unseen: true });
  const reachable = logins.filter((row) => seen !== null || row.via !== null);
  if (!door || reachable.length === 0) throw new AppError('DEPLOY_NO_SSH', { host: host.name });
  const place = { hostId: host.id, address: door.address, tags: host.tags };
  const usable = reachable.filter((row) => covers(row.bound_to, place));
  if (usable.length === 0) throw new AppError('DEPLOY_NO_CREDENTIAL_HERE', { host: host.name, address: door.address });
  return logIn({ platform, discovery, step }, host, door, usable);
}

const SSH_PORT = 22;
/** Bastions one behind the other. */
const MOST_HOPS = 4;

/** Where SSH answers, and with which host keys; none are known where nobody looked. */
interface Door {
  address: string;
  port: number;
  keys: string[];
  /** discovery never reached it: only then may its key be taken as it is the first time */
  unseen: boolean;
}

async function sshOf(discovery: Discovery, hostId: string, allows: (address: string) => boolean): Promise<Door | null> {
  const open = await discovery.endpoints({ hostId, protocol: 'ssh', state: 'open' });
  const endpoint = open.find(({ address }) => allows(address));
  if (!endpoint) return null;
  const keys = endpoint.probe?.protocol === 'ssh' ? endpoint.probe.hostKeys.map((key) => key.fingerprint) : [];
  return { address: endpoint.address, port: endpoint.port, keys, unseen: false };
}

interface Way {
  platform: Platform;
  discovery: Discovery;
  step: Step;
}

/** The first credential that the host accepts. The server's key must be the one discovery saw, and the pinned one. */
async function logIn(
  way: Way,
  host: Host,
  door: Door,
  logins: CredentialRow[],
): Promise<{ remote: SshHost; credential: CredentialRow }> {
  const { platform, step } = way;
  let powerless: AppError | null = null;
  for (const row of logins) {
    step(`logging in with ${row.name}`);
    const expected = await expectedKeys(platform, door, row);
    try {
      const remote = await connect(way, door, row, expected);
      await pinKey(platform.db, {
        via: viaOf(row),
        address: door.address,
        port: door.port,
        fingerprint: remote.hostKey,
        pinned_at: platform.now(),
      });
      await tellUse(platform, row, host, { address: door.address, port: door.port, accepted: true });
      return { remote, credential: row };
    } catch (error) {
      await tellUse(platform, row, host, { address: door.address, port: door.port, accepted: false });
      if (isAppError(error, 'HOST_KEY_CHANGED')) throw keyChanged(host, door, expected, error);
      if (isAppError(error, 'HOST_BECOME_REFUSED')) powerless = error;
      else if (!isAppError(error, 'HOST_AUTH_REFUSED')) throw error;
    }
  }
  // It let us in, so why that was not enough says more than that others were turned away.
  if (powerless) throw powerless;
  throw new AppError('DEPLOY_NO_LOGIN', { host: host.name, tried: logins.map((row) => row.name).join(', ') });
}

async function expectedKeys(platform: Platform, door: Door, row: CredentialRow): Promise<string[]> {
  const pinned = await pinnedKey(platform.db, { via: viaOf(row), address: door.address, port: door.port });
  return pinned ? [pinned] : door.keys;
}

function keyChanged(host: Host, door: Door, expected: string[], cause: AppError): AppError {
  const endpoint = `${door.address}:${door.port}`;
  if (expected.length === 0)
    return new AppError('DEPLOY_HOST_KEY_UNSEEN', { host: host.name, endpoint, address: door.address }, { cause });
  const params = {
    host: host.name,
    endpoint,
    presented: cause.params['presented'] ?? 'another',
    expected: expected.join(' or '),
  };
  return new AppError('DEPLOY_HOST_KEY_CHANGED', params, { cause });
}

async function connect(way: Way, door: Door, row: CredentialRow, expected: string[]): Promise<SshHost> {
  // What only a bastion leads to was never seen from outside: its key counts from the first sight on.
  const first = row.via !== null && door.unseen && expected.length === 0;
  const trust = (fingerprint: string): boolean => first || expected.includes(fingerprint);
  const remote = await withTarget(way, { door, row, trust, hops: 0 }, (target) => sshHost(target));
  try {
    // Root is asked for with the first command: better now than with the first file that is written.
    if (row.become) await remote.exec(['true']);
    return remote;
  } catch (error) {
    await remote.close();
    throw error;
  }
}

interface Leg {
  door: Door;
  row: CredentialRow;
  trust: SshTarget['trust'];
  hops: number;
}

/** Lends the secrets of all the logins on the way for the time of one call. */
async function withTarget<T>(way: Way, leg: Leg, use: (target: SshTarget) => Promise<T>): Promise<T> {
  const { row, door, trust } = leg;
  const secrets = [row.secret_id, row.passphrase_id, row.become_id];
  return withSecrets(way.platform, secrets, async ([secret, passphrase, password]) => {
    const target: SshTarget = {
      address: door.address,
      port: door.port,
      username: row.username,
      trust,
      auth: authOf(row, secret ?? null, passphrase ?? null),
      ...becomeOf(row, password ?? (row.kind === 'password' ? secret! : null)),
    };
    if (row.via === null) return use(target);
    return withTarget(way, await bastionOf(way, row.via, leg.hops + 1), (via) => use({ ...target, via }));
  });
}

/** The bastion's own key is the one discovery saw, or the pinned one: nobody stands between it and us. */
async function bastionOf({ platform, discovery }: Way, via: Via, hops: number): Promise<Leg> {
  const host = await discovery.host(via.hostId);
  const unready = (why: string): AppError =>
    new AppError('BASTION_UNREADY', { bastion: host?.name ?? via.hostId, why });
  const away = await discovery.away(via.hostId);
  const door = await sshOf(discovery, via.hostId, (address) => !away.has(address));
  const row = (await credentials(platform.db)).find(({ id }) => id === via.credentialId);
  if (!host || !door)
    throw unready(away.size > 0 ? 'no SSH server was seen on it from here' : 'discovery saw no SSH server on it');
  if (!row) throw unready('its credential is gone');
  if (hops > MOST_HOPS) throw unready(`more than ${MOST_HOPS} bastions one behind the other`);
  if (!covers(row.bound_to, { hostId: host.id, address: door.address, tags: host.tags }))
    throw unready(`the credential ${row.name} is not for it`);
  const expected = await expectedKeys(platform, door, row);
  return { door, row, trust: (fingerprint) => expected.includes(fingerprint), hops };
}

function authOf(row: CredentialRow, secret: string | null, passphrase: string | null): SshTarget['auth'] {
  if (row.kind === 'ssh-agent') return { agent: row.socket! };
  if (row.kind === 'password') return { password: secret! };
  return passphrase === null ? { privateKey: secret! } : { privateKey: secret!, passphrase };
}

/** sudo asks for the login's own password, unless another was given. */
function becomeOf(row: CredentialRow, password: string | null): { become?: Become } {
  if (row.become === null) return {};
  if (row.become === 'doas') return { become: { method: 'doas' } };
  return { become: password === null ? { method: 'sudo' } : { method: 'sudo', password } };
}

/** Lends several secrets for the time of one call; what has no id stays null. */
async function withSecrets<T>(
  platform: Platform,
  [first, ...rest]: (string | null)[],
  use: (secrets: (string | null)[]) => Promise<T>,
): Promise<T> {
  if (first === undefined) return use([]);
  const next = (secret: string | null): Promise<T> => withSecrets(platform, rest, (others) => use([secret, ...others]));
  return first === null ? next(null) : platform.vault.use(first, next);
}
