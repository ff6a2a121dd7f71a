import type { CST, Scalar } from 'yaml';

/**
 * Where a character of a scalar's value stands in the file. Folding and quoting change spaces and nothing else, but for
 * quotes that stand twice or behind a backslash: so characters that are no spaces are counted.
 */
export function within({ value, srcToken }: Scalar, offset: number): number | null {
  if (typeof value !== 'string' || srcToken === undefined || !('source' in srcToken)) return null;
  const { source, type } = srcToken;
  const from = type === 'block-scalar' ? blockStart(srcToken) : srcToken.offset;
  const wanted = value.slice(0, offset).replace(/\s/g, '').length;
  const characters = [...source.matchAll(PATTERNS[type] ?? /\S/g)].filter(({ index }) => isInside(type, index));
  const at = characters[wanted]?.index;
  return at === undefined ? null : from + at;
}

/** One match a character of the value. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  'single-quoted-scalar': /''|\S/g,
  'double-quoted-scalar': /\\.|\S/g,
};

const isInside = (type: string, index: number): boolean => !type.endsWith('-quoted-scalar') || index > 0;

/** The text of a block begins behind its header (`>-`, a comment, the end of the line). */
const blockStart = ({ offset, props }: CST.BlockScalar): number =>
  offset + props.reduce((length, token) => length + ('source' in token ? token.source.length : 0), 0);
