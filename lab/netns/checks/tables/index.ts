import type { Group } from '../spec.ts';
import { ACCOUNTS, SUDO } from './accounts.ts';
import { MODES, SETTINGS } from './files.ts';
import { KERNEL, MODULES, NETWORK } from './kernel.ts';
import { MOUNT_OPTIONS, MOUNTS } from './mounts.ts';
import { HOLES, ORIGINS } from './packages.ts';
import { OLD_TLS, OPEN, TLS } from './listeners.ts';
import { CLIENTS, SERVICES, WATCHERS } from './services.ts';
import { SSH_OFFERED, SSHD } from './ssh.ts';

/** In this order, on one host. */
export const GROUPS: readonly Group[] = [
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
  SSHD,
  SSH_OFFERED,
  MOUNTS,
  MOUNT_OPTIONS,
  TLS,
  OLD_TLS,
  OPEN,
];
