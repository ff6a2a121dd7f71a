import type { Host, SourceName } from './estate.ts';
import { SourceKind } from './source-kind.ts';

/** Sources that tell what somebody wrote down. That a machine is there, they do not say. */
export const LISTS: readonly SourceName[] = ['import', ...SourceKind.options];

/** When somebody last looked and saw the host; null where only lists have told of it. */
export function seenAt({ sources, lastSeen }: Pick<Host, 'sources' | 'lastSeen'>): string | null {
  return sources.length > 0 && sources.every((source) => LISTS.includes(source)) ? null : lastSeen;
}
