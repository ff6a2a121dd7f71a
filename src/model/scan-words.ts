import type { Scan, ScanEstimate, Scope } from './estate.ts';

const UNITS: readonly [string, number][] = [
  ['s', 60],
  ['min', 60],
  ['h', 24],
  ['d', 365],
  ['years', Infinity],
];

/** "40 s", "12 min", "3 h", "17 d", "5 years". */
export function lasting(seconds: number): string {
  let left = seconds;
  for (const [unit, size] of UNITS) {
    if (left < size * (unit === 's' ? 2 : 3) || unit === 'years') return `${round(left)} ${unit}`;
    left /= size;
  }
  return '';
}

const round = (value: number): string => number(value < 10 ? Math.ceil(value * 10) / 10 : Math.ceil(value));
const number = (value: number): string => value.toLocaleString('en', { useGrouping: true, maximumFractionDigits: 1 });

const between = (span: { least: number; most: number }, words: (value: number) => string): string =>
  words(span.least) === words(span.most) ? words(span.least) : `${words(span.least)} to ${words(span.most)}`;

function bytes(value: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${number(Math.ceil((value / 1000 ** power) * 10) / 10)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** What a scan would cost, line by line, for people. */
export function estimateWords(estimate: ScanEstimate): [string, string][] {
  const { addresses, excluded, ports, udp, pairs, echoes, rate, packets, seconds } = estimate;
  return [
    ['addresses', `${number(addresses)}${excluded > 0 ? ` (${number(excluded)} excluded)` : ''}`],
    ['ports', `${number(ports)}${udp > 0 ? ` and ${number(udp)} over UDP` : ''} each, ${number(pairs)} pairs in all`],
    ...(echoes > 0 ? [['pings', `${number(echoes)} at most, where no port is open`] satisfies [string, string]] : []),
    ['rate', `up to ${number(rate)} new connections a second`],
    ['packets', `${between(packets, number)} (more where nobody answers)`],
    ['sent', between(estimate.bytes, bytes)],
    ['time', between(seconds, lasting)],
  ];
}

/** An instant to the minute. */
export const minute = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`;

/** "120 of 4,000 looked at, 3 open, 12 min left, 250/s of 1,000/s (packets get lost: …)". */
export function progressWords({ counts, secondsLeft, pace, state, waitsUntil, waitsFor, siteWhy }: Scan): string {
  const slower = pace && state === 'running' && pace.now < pace.asked;
  return [
    `${counts.done} of ${counts.targets} looked at`,
    `${counts.open} open`,
    ...(counts.bogus ? [`${counts.bogus} addresses that something else answers for`] : []),
    ...(waitsUntil === null ? [] : [`waits until ${minute(waitsUntil)} (blackout of ${waitsFor})`]),
    ...(siteWhy === null ? [] : [siteWhy]),
    ...(secondsLeft === null || siteWhy !== null ? [] : [`${lasting(secondsLeft)} left`]),
    ...(slower ? [`${number(pace.now)}/s of ${number(pace.asked)}/s (${pace.why})`] : []),
  ].join(', ');
}

export const rateWords = ({ rate, subnetRate }: Pick<Scope, 'rate' | 'subnetRate'>): string =>
  `${rate}/s, at most ${Math.min(rate, subnetRate)}/s to one /24 (IPv6: /64)`;

/** A scan that waits for the end of a blackout. */
export const waitWords = ({ waitsUntil, waitsFor }: Pick<Scan, 'waitsUntil' | 'waitsFor'>): string =>
  `the scan waits until ${waitsUntil ? minute(waitsUntil) : 'then'}: a blackout of scope ${waitsFor} is on; it goes on by itself then`;

export function everyWords({ every, fullEvery }: Pick<Scope, 'every' | 'fullEvery'>): string {
  if (every === null) return 'by hand';
  return fullEvery === null
    ? `${every}; all of it, or weekly where that takes over an hour`
    : `${every}; all of it every ${fullEvery} days`;
}
