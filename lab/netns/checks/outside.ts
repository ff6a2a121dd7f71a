/** What is seen of a lab host from outside, as the server stores it, and what the authorities of its certificates say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAsking, type Asked, standing, type Status } from '../../../src/loop/audit/logic/revocation.ts';
import { askAbout, type Asker } from '../../../src/loop/audit/revocation/ask.ts';
import { askable } from '../../../src/loop/audit/revocation/index.ts';
import { withRevocation, withUrls } from '../../../src/loop/discovery/certificates.ts';
import type { Endpoint } from '../../../src/model/estate.ts';
import { RevocationLists } from '../../../src/platform/pki/revocation-list.ts';
import { newBucket } from '../../../src/scan/logic/pace.ts';
import type { Look } from '../../../src/scan/look.ts';
import { createGuard } from '../../../src/scan/scanner/guard.ts';
import { lookAt } from '../../../src/scan/scanner/observe.ts';
import { lookAtUdp } from '../../../src/scan/scanner/observe-udp.ts';

export interface Ports {
  tcp: readonly number[];
  udp: readonly number[];
}

export async function endpointsOf(hostId: string, address: string, { tcp, udp }: Ports): Promise<Endpoint[]> {
  const guard = createGuard({
    allows: (one) => one === address,
    bucket: newBucket(2000, performance.now()),
    asksWays: true,
  });
  const at = (ports: readonly number[]): { address: string; port: number }[] =>
    ports.map((port) => ({ address, port }));
  const now = (): Date => new Date();
  const looks = [...(await lookAt(guard, at(tcp), now)), ...(await lookAtUdp(guard, at(udp), now))];
  return looks.map((look) => stored(hostId, look));
}

function stored(hostId: string, look: Look): Endpoint {
  const { address, port, transport = 'tcp', error } = look;
  const at = look.at.toISOString();
  const probe = look.result && withRevocation(withUrls(look.result), look.at);
  return {
    id: `endpoint_${transport}_${port}`,
    hostId,
    address,
    port,
    transport,
    service: probe?.protocol ?? 'unknown',
    probe,
    probedAt: probe && at,
    lastError: error,
    state: 'open',
    firstSeen: at,
    lastSeen: at,
  };
}

const NEVER: Status = {
  status: 'unknown',
  source: null,
  asOf: null,
  until: null,
  why: null,
  failures: 0,
  askedAt: null,
};

/** Asked are only authorities that the host itself plays. */
export async function askedOf(address: string, endpoints: readonly Endpoint[]): Promise<Asked> {
  const now = (): Date => new Date();
  const refuses = (one: string): string | null => (one === address ? null : 'it is not the host that is tried');
  const asker: Asker = {
    lists: new RevocationLists({ refuses }),
    refuses,
    ports: 'any',
    trusted: null,
    pace: () => sleep(0),
    now,
  };
  const asked = new Map<string, ReturnType<typeof standing>>();
  for (const served of askable(endpoints, now())) {
    const { answer } = await askAbout(asker, served);
    asked.set(served.fingerprint, standing(afterAsking(NEVER, answer, now()), now()));
  }
  return asked;
}
