import type { ServiceProbe } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';
import { lookByStartTls } from '../start-tls.ts';
import type { Dialogue } from './dialogues.ts';

/**
 * A result with what was seen behind the upgrade. `offered`: whether the server says that it has one; null: it did not
 * say, because no whole list of what it can do came.
 */
export async function withTls(
  result: ServiceProbe,
  target: ProbeTarget,
  upgrade: { offered: boolean | null; dialogue: Dialogue },
): Promise<ServiceProbe> {
  if (target.secure || upgrade.offered === null) return result;
  const tls = upgrade.offered ? await lookByStartTls(target, upgrade.dialogue) : null;
  if (tls) return { ...result, tls };
  const starttls = upgrade.offered ? 'offered, and could not be looked at' : 'not offered';
  return { ...result, details: { ...result.details, starttls } };
}
