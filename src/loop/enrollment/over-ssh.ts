import type { SshHost } from '../../host/ssh/index.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import { withinDeadline } from './deadline.ts';
import { hangUp, mustBeRoot, type Looker } from './looks.ts';
import { reach } from './login.ts';
import { claimWork, releaseWork, renewWork, type Claimed, type SshAccess } from './store-access.ts';
import { credentials, loginOf, type CredentialRow } from './store-login.ts';

/** Who is at a host says so every few seconds; who does not for this long is dead, and another may begin. */
const CLAIM_MS = 60_000;
const RENEW_MS = 10_000;
/** A little less than the claim: who could not renew it stops before another begins. */
const SURE_MS = 45_000;
/** Longer than the longest command of a step, which goes on after its worker died. */
const CHANGING_MS = 40 * 60_000;
const CONNECT_SECONDS = 60;
const CLOSE_MS = 2000;

/** A host that is ours to change, over one connection. */
export interface SshWork {
  remote: SshHost;
  access: SshAccess;
  host: Host;
  /** by which we are there: no step may lock it out */
  login: { user: string; method: 'password' | 'publickey' };
  /** logs in once more, from the beginning; rejects when that does not work */
  logIn(): Promise<void>;
  /** throws when the host is not ours any more, as far as we know */
  guard(): void;
  /** called when the claim was renewed */
  onRenewed(listener: () => void): void;
}

type Work = (at: SshWork) => Promise<{ halfWay: boolean }>;

/** See `Enrollment.overSsh`. The connection is the claim's: it ends when the claim is lost, or the server is to stop. */
export async function overSsh(looker: Looker, hostId: string, work: Work): Promise<boolean> {
  const { platform, discovery } = looker;
  const now = platform.now();
  const access = await claimWork(platform.db, hostId, now, new Date(now.getTime() + CLAIM_MS));
  if (!access) return false;
  const hold = holdOn(looker, access);
  // What was left half-way stays so until somebody has been there.
  let ended = access.changingUntil === null;
  try {
    const host = await discovery.host(hostId);
    if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: hostId, list: 'hosts' });
    const { remote, credential } = await logIn(looker, host, access);
    hold.onLost(hangUp(remote));
    ended = false;
    const again = async (): Promise<void> => (await logIn(looker, host, access)).remote.close();
    ended = await overOne({ remote, access, host, login: loginOf(credential), logIn: again }, hold, work);
  } finally {
    hold.stop();
    // A look that was asked for meanwhile was turned away.
    if (await releaseWork(platform.db, access, ended))
      await platform.queue.enqueue('audit.collect', { hostId }, { singletonKey: hostId });
  }
  return true;
}

/** True: no leg is left half-way. */
async function overOne(at: Omit<SshWork, 'guard' | 'onRenewed'>, hold: Holding, work: Work): Promise<boolean> {
  try {
    await hold.renew();
    const { halfWay } = await work({ ...at, guard: hold.guard, onRenewed: hold.onRenewed });
    return !halfWay;
  } finally {
    await Promise.race([at.remote.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
  }
}

interface Holding {
  guard(): void;
  renew(): Promise<void>;
  onRenewed(listener: () => void): void;
  onLost(listener: () => void): void;
  stop(): void;
}

/** Time is counted by this process alone: clocks may jump, and a process that was frozen must notice. */
function holdOn({ platform }: Looker, access: Claimed): Holding {
  let sureUntil = performance.now() + SURE_MS;
  const renewed: (() => void)[] = [];
  const lost: (() => void)[] = [];
  const lose = (): void => {
    sureUntil = 0;
    for (const listener of lost.splice(0)) listener();
  };
  const renew = async (): Promise<void> => {
    const asked = performance.now();
    const at = platform.now().getTime();
    const until = { claimed: new Date(at + CLAIM_MS), changing: new Date(at + CHANGING_MS) };
    if (!(await renewWork(platform.db, access, until))) return lose();
    sureUntil = asked + SURE_MS;
    for (const listener of renewed) listener();
  };
  const timer = setInterval(() => {
    if (performance.now() > sureUntil) return lose();
    // Missed once or twice it still holds.
    void renew().catch(() => undefined);
  }, RENEW_MS);
  platform.stopping.addEventListener('abort', lose);
  return {
    guard: () => {
      if (performance.now() > sureUntil) throw new AppError('ACCESS_LOST', { host: access.hostId });
    },
    renew,
    onRenewed: (listener) => void renewed.push(listener),
    onLost: (listener) => void (sureUntil === 0 ? listener() : lost.push(listener)),
    stop: () => {
      clearInterval(timer);
      platform.stopping.removeEventListener('abort', lose);
    },
  };
}

function logIn(
  { platform, discovery }: Looker,
  host: Host,
  access: Claimed,
): Promise<{ remote: SshHost; credential: CredentialRow }> {
  return withinDeadline({ host: host.name, seconds: CONNECT_SECONDS, code: 'LOOK_DEADLINE' }, async (step, hold) => {
    const login = (await credentials(platform.db)).filter((row) => row.id === access.credentialId);
    const { remote, credential } = await reach(platform, discovery, host, login, step);
    let isOurs = false;
    // Held until it is handed over: what comes too late is let go of.
    hold(() => void (isOurs ? undefined : hangUp(remote)()));
    await mustBeRoot(host, remote, step);
    isOurs = true;
    return { remote, credential };
  });
}
