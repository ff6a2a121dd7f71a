import { sshHost, type Become, type SshHost, type SshTarget } from '../../host/ssh/index.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Endpoint, Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Step } from './deadline.ts';
import { covers } from './logic/binding.ts';
import { pinKey, pinnedKey, type CredentialRow } from './store-deployment.ts';

/** Logs in where discovery saw SSH, with the first of these credentials that may be used there and is accepted. */
export async function reach(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  credentials: CredentialRow[],
  step: Step,
): Promise<{ remote: SshHost; credential: CredentialRow }> {
  const endpoint = (await discovery.endpoints({ hostId: host.id, protocol: 'ssh', state: 'open' }))[0];
  if (!endpoint) throw new AppError('DEPLOY_NO_SSH', { host: host.name });
  const place = { hostId: host.id, address: endpoint.address, tags: host.tags };
  const usable = credentials.filter((row) => covers(row.bound_to, place));
  if (usable.length === 0)
    throw new AppError('DEPLOY_NO_CREDENTIAL_HERE', { host: host.name, address: endpoint.address });
  return logIn(platform, host, endpoint, usable, step);
}

/** The first credential that the host accepts. The server's key must be the one discovery saw, and the pinned one. */
export async function logIn(
  platform: Platform,
  host: Host,
  endpoint: Endpoint,
  credentials: CredentialRow[],
  step: Step,
): Promise<{ remote: SshHost; credential: CredentialRow }> {
  const expected = await expectedKeys(platform, endpoint);
  let powerless: AppError | null = null;
  for (const row of credentials) {
    step(`logging in with ${row.name}`);
    try {
      const remote = await connect(platform, endpoint, row, expected);
      await pinKey(platform.db, {
        address: endpoint.address,
        port: endpoint.port,
        fingerprint: remote.hostKey,
        pinned_at: platform.now(),
      });
      return { remote, credential: row };
    } catch (error) {
      if (isAppError(error, 'HOST_KEY_CHANGED')) throw keyChanged(host, endpoint, expected, error);
      if (isAppError(error, 'HOST_BECOME_REFUSED')) powerless = error;
      else if (!isAppError(error, 'HOST_AUTH_REFUSED')) throw error;
    }
  }
  // It let us in, so why that was not enough says more than that others were turned away.
  if (powerless) throw powerless;
  throw new AppError('DEPLOY_NO_LOGIN', { host: host.name, tried: credentials.map((row) => row.name).join(', ') });
}

async function expectedKeys(platform: Platform, endpoint: Endpoint): Promise<string[]> {
  const pinned = await pinnedKey(platform.db, endpoint.address, endpoint.port);
  if (pinned) return [pinned];
  return endpoint.probe?.protocol === 'ssh' ? endpoint.probe.hostKeys.map((key) => key.fingerprint) : [];
}

function keyChanged(host: Host, endpoint: Endpoint, expected: string[], cause: AppError): AppError {
  const params = {
    host: host.name,
    endpoint: `${endpoint.address}:${endpoint.port}`,
    presented: cause.params['presented'] ?? 'another',
    expected: expected.join(' or '),
  };
  return new AppError('DEPLOY_HOST_KEY_CHANGED', params, { cause });
}

async function connect(
  platform: Platform,
  endpoint: Endpoint,
  row: CredentialRow,
  expected: string[],
): Promise<SshHost> {
  const trust = (fingerprint: string): boolean => expected.includes(fingerprint);
  const target = { address: endpoint.address, port: endpoint.port, username: row.username, trust };
  const secrets = [row.secret_id, row.passphrase_id, row.become_id];
  const remote = await withSecrets(platform, secrets, ([secret, passphrase, password]) =>
    sshHost({
      ...target,
      auth: row.kind === 'password' ? { password: secret! } : keyAuth(secret!, passphrase ?? null),
      ...becomeOf(row, password ?? (row.kind === 'password' ? secret! : null)),
    }),
  );
  try {
    // Root is asked for with the first command: better now than with the first file that is written.
    if (row.become) await remote.exec(['true']);
    return remote;
  } catch (error) {
    await remote.close();
    throw error;
  }
}

const keyAuth = (privateKey: string, passphrase: string | null): SshTarget['auth'] =>
  passphrase === null ? { privateKey } : { privateKey, passphrase };

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
