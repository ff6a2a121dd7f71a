/**
 * Sections of the facts, in the order of collection; what each holds is in `facts.ts`. Apart from it, so that who looks at a
 * host every few minutes need not load what the answers look like.
 */
export const SECTION_NAMES = [
  'os',
  'packages',
  'processes',
  'services',
  'sockets',
  'connections',
  'neighbours',
  'files',
  'settings',
  'certificates',
  'users',
  'kernel',
  'mounts',
  'routes',
  'cron',
  'hardware',
  'archive',
  'openssl',
  'snaps',
  'reports',
  'inventories',
] as const;
export type SectionName = (typeof SECTION_NAMES)[number];
