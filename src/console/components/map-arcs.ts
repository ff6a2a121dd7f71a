import type { MapLink } from '../../model/map.ts';

/** Heights of rows, in pixels; the page's CSS has the same. */
export const BLOCK_ROW = 46;
export const HOST_ROW = 32;

export interface Arc {
  link: MapLink;
  from: number;
  to: number;
  path: string;
  width: number;
}

/** Middle of each row from the top. */
export function rowMiddles(kinds: readonly ('block' | 'host')[]): { middles: number[]; height: number } {
  let y = 0;
  const middles = kinds.map((kind) => {
    const row = kind === 'block' ? BLOCK_ROW : HOST_ROW;
    y += row;
    return y - row / 2;
  });
  return { middles, height: y };
}

const NEAR = 22;

/**
 * Arcs beside a list: from who asks to who answers, the wider the farther apart, never past `room`. Who asks leaves a
 * little above the middle of its row and who answers is reached a little below, so that both directions can be seen.
 */
export function arcsOf(
  ids: readonly string[],
  middles: readonly number[],
  links: readonly MapLink[],
  room: number,
): Arc[] {
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const longest = Math.max(1, ids.length - 1);
  return links.flatMap((link): Arc[] => {
    const [from, to] = [rowOf.get(link.from), rowOf.get(link.to)];
    if (from === undefined || to === undefined) return [];
    const [y1, y2] = [middles[from]! - 4, middles[to]! + 4];
    const far = Math.sqrt(Math.abs(from - to) / longest);
    // The top of a cubic curve lies at three quarters of its handles.
    const x = Math.round(((NEAR + (room - NEAR) * far) * 4) / 3);
    const path = `M0,${y1} C${x},${y1} ${x},${y2} 7,${y2}`;
    return [{ link, from, to, path, width: 1 + Math.min(4, Math.log2(link.pairs) * 0.7) }];
  });
}
