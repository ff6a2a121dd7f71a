import type { StatementRange } from '../../../../model/statement.ts';

/** `18.18.2-1.module_el8.8.0+3636+5ba4b4ff`: built as part of a module. Whoever has the plain package is in none of its streams. */
export const isModular = (version: string): boolean => /\.module[_+]el\d/.test(version);

/**
 * Where a stream's versions begin: nodejs:18 with 1:18. A version of one stream must not be taken for an old one of another.
 * `0`: the package is numbered otherwise than the stream.
 */
export function beginOfStream(stream: string | null, version: string): string {
  const number = stream?.split(':')[1] ?? '';
  const [, epoch = '', upstream = ''] = /^(\d+:)?(.*)$/.exec(version) ?? [];
  const isOwn = /^\d+(?:\.\d+)*$/.test(number) && (upstream === number || upstream.startsWith(`${number}.`));
  return isOwn ? `${epoch}${number}` : '0';
}

/** The streams in which any of these packages is numbered as its stream: if that is what a host has, it burns by that one. */
export const ledStreams = (packages: readonly { stream: string | null; version: string }[]): Set<string> =>
  new Set(
    packages.flatMap(({ stream, version }) =>
      stream !== null && beginOfStream(stream, version) !== '0' ? [stream] : [],
    ),
  );

/** A module that is called by a version, as python38, has no other stream. */
const hasOneStream = (stream: string): boolean => /\d:/.test(stream);

/**
 * What is affected in one stream, until it was fixed there. A companion that is numbered otherwise than the stream is in other
 * streams, too, with versions of their own: that it is affected is doubtful, where the stream has a package that tells.
 */
export function rangeInStream(stream: string | null, fixed: string, led: ReadonlySet<string>): StatementRange {
  const introduced = beginOfStream(stream, fixed);
  const isDoubtful = introduced === '0' && stream !== null && led.has(stream) && !hasOneStream(stream);
  return { introduced, fixed, ...(isDoubtful ? { stream } : {}) };
}

/** Where rpm says which stream a package was built for, nothing is doubtful: ranges of that one hold, and those of others do not. */
export function rangesFor(ranges: readonly StatementRange[], stream: string | null | undefined): StatementRange[] {
  if (typeof stream !== 'string' || ranges.every((range) => range.stream === undefined)) return [...ranges];
  return ranges.flatMap(({ stream: only, ...range }) => (only === undefined || only === stream ? [range] : []));
}
