import type { Group } from '../spec.ts';
import { ACCOUNTS, SUDO } from './accounts.ts';
import { AUTHORITY } from './authority.ts';
import { MODES, SETTINGS } from './files.ts';
import { DIRTY_COW, DIRTY_PIPE } from './holed-kernels.ts';
import { KERNEL, MODULES, NETWORK } from './kernel.ts';
import { MACHINE } from './machine.ts';
import { MOUNT_OPTIONS, MOUNTS } from './mounts.ts';
import { HOLES, ORIGINS } from './packages.ts';
import { OLD_TLS, OPEN, TLS } from './listeners.ts';
import { HEARTBLEED, JAVA_PROGRAMS, TERRAPIN } from './programs.ts';
import { LYNIS, LYNIS_OPEN, OSCAP } from './reports.ts';
import { BOOT, CLIENTS, SERVICES, WATCHERS } from './services.ts';
import { SSH_OFFERED, SSH_OPEN, SSHD } from './ssh.ts';
import { ASKED_LONG_AGO, ASKED_NOWHERE, LAST_MONTHS, UPDATES } from './updates.ts';

/** In this order, on one host. */
export const GROUPS: readonly Group[] = [
  // First: what other groups replace is pending until a boot.
  UPDATES,
  ASKED_LONG_AGO,
  ASKED_NOWHERE,
  LAST_MONTHS,
  BOOT,
  KERNEL,
  NETWORK,
  MODULES,
  MODES,
  SETTINGS,
  ACCOUNTS,
  SUDO,
  SERVICES,
  CLIENTS,
  WATCHERS,
  ORIGINS,
  HOLES,
  HEARTBLEED,
  TERRAPIN,
  JAVA_PROGRAMS,
  OSCAP,
  LYNIS,
  LYNIS_OPEN,
  SSHD,
  SSH_OFFERED,
  SSH_OPEN,
  MOUNTS,
  MOUNT_OPTIONS,
  TLS,
  AUTHORITY,
  OLD_TLS,
  OPEN,
];

/** By the host that they are tried on. */
export const GROUPS_OF: Readonly<Record<string, readonly Group[]>> = {
  bad1: GROUPS,
  cow1: [DIRTY_COW],
  kernel1: MACHINE,
  pipe1: [DIRTY_PIPE],
};
