import type { SnapFact, SnapsFacts } from './facts.ts';

/** What is true of every snap, and not said by silence. */
export const NOBODY_JUDGES = 'no feed speaks of snaps: nobody judges them';

/** One snap in a line, without its name: `133.0-1, revision 5437, latest/stable, by mozilla, runs as x.service`. */
export function snapInWords(one: SnapFact): string {
  const words = [
    one.version ?? 'of unknown version',
    `revision ${one.revision}`,
    ...(one.revision.startsWith('x') ? ['put there by hand'] : []),
    ...(one.channel === null ? [] : [one.channel]),
    ...(one.publisher === null ? [] : [`by ${one.publisher}`]),
    ...(one.base === null ? [] : [`on ${one.base}`]),
    ...(one.confinement === null || one.confinement === 'strict' ? [] : [`${one.confinement}: not confined`]),
    ...(one.active === false ? ['disabled'] : []),
    ...(one.usedBy.length === 0 ? [] : [`runs as ${one.usedBy.join(', ')}`]),
    ...(one.stale.length === 0 ? [] : [`still an earlier revision in ${one.stale.join(', ')}`]),
  ];
  return words.join(', ');
}

/** Snaps of a host in words, and what could not be looked at; nothing of either on hosts without any. */
export function snapsInWords(
  facts: SnapsFacts | undefined,
  error: string | null | undefined,
): { snaps: [name: string, words: string][]; troubles: string[] } {
  return {
    snaps: (facts?.snaps ?? []).map((one) => [one.name, snapInWords(one)]),
    troubles: [
      ...(facts?.unread ?? []).map(({ path, why }) => `not read: ${path}: ${why}`),
      ...(error ? [`the last look failed: ${error}`] : []),
    ],
  };
}
