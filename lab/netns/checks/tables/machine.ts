import type { Group } from '../spec.ts';
import { DEBIANS_KERNEL } from './kernel.ts';

/**
 * What takes a kernel of the host's own; on a machine that has one, in this order. It came up with AppArmor turned off, in
 * an older kernel than it has.
 */
export const MACHINE: readonly Group[] = [
  {
    title: 'what a boot puts in force',
    trials: [
      {
        check: 'kernel/kernel-not-running',
        bad: '',
        where: 'test -e /vmlinuz.old',
        else: 'when its packages were fetched, the security archive had no newer kernel than the release',
      },
      {
        check: 'linux-baseline/audit-service',
        // It takes no stop from systemd.
        bad: 'systemctl -q disable auditd && systemctl -q mask auditd && auditctl --signal TERM',
        byHand: 'systemctl -q unmask auditd && systemctl -q enable --now auditd',
      },
      {
        check: 'linux-baseline/app-armor',
        bad: '',
        byHand: `sed -i 's/apparmor=0 security=none/apparmor=1 security=apparmor/' /etc/default/grub && update-grub 2>/dev/null`,
      },
    ],
    // The boot is our own step.
    handsFirst: true,
  },
  {
    title: 'what a kernel lets programs do',
    trials: [
      ...DEBIANS_KERNEL,
      {
        check: 'linux-baseline/app-armor-complains',
        bad: 'aa-complain /etc/apparmor.d/lsb_release >/dev/null',
        byHand: 'aa-enforce /etc/apparmor.d/* >/dev/null',
      },
    ],
  },
];
