import { SECTION_NAMES, type SectionName } from '../../model/section-names.ts';
import { archive } from './archive.ts';
import { certificates } from './certificates.ts';
import { connections } from './connections.ts';
import { cron } from './cron.ts';
import { files } from './files.ts';
import { hardware } from './hardware.ts';
import { inventories } from './inventories.ts';
import { kernel } from './kernel.ts';
import type { FactSection } from './look.ts';
import { mounts } from './mounts.ts';
import { neighbours } from './neighbours.ts';
import { openssl } from './openssl.ts';
import { os } from './os.ts';
import { packages } from './packages.ts';
import { processes } from './processes.ts';
import { reports } from './reports.ts';
import { routes } from './routes.ts';
import { services } from './services.ts';
import { settings } from './settings.ts';
import { snaps } from './snaps.ts';
import { sockets } from './sockets.ts';
import { users } from './users.ts';

/** Every section of the facts, alphabetically. A new section is a file beside these and a line here. */
export const FACT_SECTIONS = {
  archive,
  certificates,
  connections,
  cron,
  files,
  hardware,
  inventories,
  kernel,
  mounts,
  neighbours,
  openssl,
  os,
  packages,
  processes,
  reports,
  routes,
  services,
  settings,
  snaps,
  sockets,
  users,
} satisfies { [N in SectionName]: FactSection<N> };

/** What no change of ours touches and that costs commands to read: looks between the regular ones leave it out. */
const SETTLED: ReadonlySet<SectionName> = new Set<SectionName>([
  'archive',
  'cron',
  'hardware',
  'inventories',
  'kernel',
  'mounts',
  'openssl',
  'reports',
  'routes',
  'snaps',
  'users',
]);

export const LIVELY_SECTIONS: readonly SectionName[] = SECTION_NAMES.filter((name) => !SETTLED.has(name));
