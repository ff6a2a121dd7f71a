import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceRecord } from '../../../model/source.ts';

/** The process has four threads for look-ups, and others need one, too. */
const AT_ONCE = 3;
const LOOKUP_MS = 10_000;
const MOST = 20_000;

/** Names that a source tells instead of addresses, within bounds: a list of dead names must not hold up everybody. */
export class Names {
  readonly #signal: AbortSignal;
  #asked = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async resolve(records: readonly SourceRecord[]): Promise<SourceRecord[]> {
    const out: SourceRecord[] = [];
    for (let begin = 0; begin < records.length; begin += AT_ONCE) {
      this.#signal.throwIfAborted();
      out.push(...(await Promise.all(records.slice(begin, begin + AT_ONCE).map((record) => this.#of(record)))));
    }
    return out;
  }

  async #of(record: SourceRecord): Promise<SourceRecord> {
    const addresses = [...record.addresses];
    for (const name of record.resolve ?? []) {
      if (++this.#asked > MOST) throw new Error(`it tells more than ${MOST} names to look up; split it`);
      addresses.push(...(await addressesOf(name)));
    }
    return { ...record, addresses };
  }
}

async function addressesOf(name: string): Promise<string[]> {
  const over = new AbortController();
  const never = sleep(LOOKUP_MS, [], { signal: over.signal }).catch(() => []);
  const found = await Promise.race([lookup(name, { all: true }).catch(() => []), never]);
  over.abort();
  return found.map(({ address }) => address);
}
