import type { ProbeResult } from '../../model/probe.ts';
import { summaryOf } from './describe.ts';
import { subnetOf } from './subnets.ts';

/**
 * What a run has met so far, by subnet and UDP port: what everything there says that was asked, where that is one thing;
 * else null. A firewall that sends all questions of one kind to its own resolver answers from every address.
 */
export type Intercepted = Map<string, string | null>;

export interface HeardUdp {
  address: string;
  port: number;
  transport?: string;
  result: ProbeResult | null;
}

export const placeOf = ({ address, port }: Pick<HeardUdp, 'address' | 'port'>): string =>
  `${subnetOf(address)} ${port}`;
export const wordOf = (result: ProbeResult | null): string => JSON.stringify(summaryOf(result));

/** Addresses of which nothing but answers over UDP is known, each with them. */
export const onlyOverUdp = <T extends HeardUdp>(looks: readonly T[], known: ReadonlySet<string>): [string, T[]][] =>
  [...Map.groupBy(looks, ({ address }) => address)].filter(
    ([address, here]) => !known.has(address) && here.every(({ transport }) => transport === 'udp'),
  );

/** One look each at places that nobody has judged yet. */
export function unjudged<T extends HeardUdp>(met: Intercepted, only: readonly [string, T[]][]): T[] {
  const heard = only.flatMap(([, here]) => here.filter(({ result }) => result !== null));
  return [...new Map(heard.map((look) => [placeOf(look), look])).values()].filter((look) => !met.has(placeOf(look)));
}

/** Those of which every answer is what the whole subnet says. One that has fallen silent meanwhile said the same. */
export const spokenFor = (met: Intercepted, only: readonly [string, HeardUdp[]][]): string[] =>
  only.flatMap(([address, here]) =>
    here.every((look) => {
      const said = met.get(placeOf(look)) ?? null;
      return said !== null && (look.result === null || wordOf(look.result) === said);
    })
      ? [address]
      : [],
  );
