import { listsAskedAt } from '../packages/apt.ts';
import { hasSecurity, namesOf } from '../packages/origins.ts';
import type { FactSection } from './look.ts';
import { archives } from './shared.ts';

const DAY_MS = 86_400_000;

/** Which archives the host's package manager knows, and how old what it knows of them is. */
export const archive: FactSection<'archive'> = {
  name: 'archive',
  version: 1,
  async collect(look) {
    const known = await archives(look);
    if (known === null) return { tool: null, archives: [], security: false, listsAgeDays: null };
    const at = await listsAskedAt(look.host);
    return {
      tool: 'apt',
      archives: namesOf(known),
      security: hasSecurity(known),
      // In whole days: the time itself would make every look differ from the last one.
      listsAgeDays: at === null ? null : Math.max(0, Math.floor((Date.now() - at) / DAY_MS)),
    };
  },
};
