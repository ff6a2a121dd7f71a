import { isAppError } from '../../../model/errors/index.ts';
import { type CertificateInfo, type TlsNamed, type TlsVersion } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';
import { describeChain } from './certificate.ts';
import { shownTo } from './library.ts';

/** Its own certificate and who signed it. */
const MOST_OF_CHAIN = 3;
/** ms of the look that stay for what speaks within. */
const LEFT_FOR_WITHIN = 5000;

/**
 * Which certificates the server shows to those who ask for it by name, one handshake each. A name that it refuses is left
 * out; of one that had no answer, what it showed at the last look counts on.
 */
export async function lookByName(
  target: ProbeTarget,
  newest: TlsVersion,
  leaf: CertificateInfo | undefined,
): Promise<{ named?: TlsNamed[] }> {
  if (target.names.length === 0) return {};
  const found = new Map<string, TlsNamed>();
  const note = (name: string, chain: CertificateInfo[]): void => {
    const key = chain[0]?.fingerprint ?? '';
    const known = found.get(key);
    if (known) known.names.push(name);
    else found.set(key, { names: [name], chain });
  };
  for (const name of target.names) {
    const said = await askFor(target, name, newest);
    if (said === 'refused') continue;
    if (said !== null) note(name, said[0]?.fingerprint === leaf?.fingerprint ? [] : said);
    else {
      const before = target.known?.named?.find(({ names }) => names.includes(name));
      if (before) note(name, before.chain);
    }
  }
  return { named: [...found.values()] };
}

async function askFor(
  target: ProbeTarget,
  name: string,
  newest: TlsVersion,
): Promise<CertificateInfo[] | 'refused' | null> {
  if (target.left() < LEFT_FOR_WITHIN) return null;
  try {
    const shown = await shownTo({ ...target, serverName: name }, newest);
    if (shown === null || shown === 'refused') return shown;
    const chain = describeChain(shown).slice(0, MOST_OF_CHAIN);
    return chain.length > 0 ? chain : null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
