import { type ServiceProbe, ServiceProtocol, type UnknownProbe } from '../../model/probe.ts';
import { chooseByAnswer, chooseProbe } from './identify.ts';
import type { Probe } from './contract.ts';
import { PROBES } from './registry.ts';
import { serviceResult } from './service-result.ts';

const SAID = 'known by what it said when it was looked at; whether it asks for credentials, the next look tells';

/**
 * What an unknown service is by the probes of today, from the bytes that were kept of it; null: still unknown. Of TLS
 * and SSH nothing can be told without another look.
 */
export function matchAgain({ banner, answers = [] }: UnknownProbe): ServiceProbe | null {
  const byAnswer = answers.map(({ to, hex }) =>
    byBytes(
      hex,
      PROBES.find((probe) => probe.protocol === to),
    ),
  );
  const known = [byBytes(banner), ...byAnswer].find((protocol) => protocol !== null);
  return known ? serviceResult(known, { access: 'unknown', what: SAID }) : null;
}

function byBytes(hex: string, asking?: Probe): ServiceProtocol | null {
  const bytes = Buffer.from(hex, 'hex');
  const probe = asking ? chooseByAnswer(asking, bytes) : bytes.length > 0 ? chooseProbe(bytes) : null;
  return ServiceProtocol.safeParse(probe?.protocol).data ?? null;
}
