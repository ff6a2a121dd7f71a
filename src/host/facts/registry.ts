import type { SectionName } from '../../model/facts.ts';
import { certificates } from './certificates.ts';
import { connections } from './connections.ts';
import { files } from './files.ts';
import type { FactSection } from './look.ts';
import { neighbours } from './neighbours.ts';
import { os } from './os.ts';
import { packages } from './packages.ts';
import { processes } from './processes.ts';
import { services } from './services.ts';
import { settings } from './settings.ts';
import { sockets } from './sockets.ts';

/** Every section of the facts, alphabetically. A new section is a file beside these and a line here. */
export const FACT_SECTIONS = {
  certificates,
  connections,
  files,
  neighbours,
  os,
  packages,
  processes,
  services,
  settings,
  sockets,
} satisfies { [N in SectionName]: FactSection<N> };
