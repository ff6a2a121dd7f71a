import type { Group } from '../spec.ts';

const NEWER = `-qq -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::SourceList=/etc/lab/security.list`;
const KERNEL = 'linux-image-cloud-amd64';

/** What takes a kernel of the host's own; on a machine that has one, in this order. It came up with AppArmor turned off. */
export const MACHINE: readonly Group[] = [
  {
    title: 'what a boot puts in force',
    trials: [
      {
        check: 'kernel/kernel-not-running',
        where: `apt-get ${NEWER} update && apt-get ${NEWER} -s install ${KERNEL} | grep -q '^Inst linux-image-[0-9]'`,
        else: 'the security archive has no newer kernel than the release just now',
        bad: `DEBIAN_FRONTEND=noninteractive apt-get ${NEWER} -y install ${KERNEL} >/dev/null 2>&1`,
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
      {
        check: 'linux-baseline/app-armor-complains',
        bad: 'aa-complain /etc/apparmor.d/lsb_release >/dev/null',
        byHand: 'aa-enforce /etc/apparmor.d/* >/dev/null',
      },
    ],
  },
];
