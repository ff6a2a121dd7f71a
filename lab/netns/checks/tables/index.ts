import type { Group } from '../spec.ts';
import { SSHD, SSH_OFFERED } from './ssh.ts';

export const GROUPS: readonly Group[] = [SSHD, SSH_OFFERED];
