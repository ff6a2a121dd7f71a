import { PREFIX } from '../network.ts';
import { addressOf, type HostSpec } from '../spec.ts';

/** What an installer writes into a machine that others of the lab's hosts have no use for. */
export function filesOfMachine(spec: HostSpec): Record<string, string> {
  return {
    '/etc/fstab': '/dev/vda1 / ext4 errors=remount-ro 0 0\n',
    '/etc/systemd/network/lab.network': `[Match]
Type=ether
[Network]
Address=${addressOf(spec)}/${PREFIX}
LinkLocalAddressing=no
IPv6AcceptRA=no
`,
    '/etc/initramfs-tools/conf.d/lab': 'MODULES=list\n',
    '/etc/initramfs-tools/modules': 'ext4\nvirtio_blk\nvirtio_pci\n',
    // As it was before the newest kernel came. `update-grub` writes it anew, and takes the newest.
    '/boot/grub/grub.cfg': `old=
if [ -e /vmlinuz.old ]; then old=.old; fi
linux /vmlinuz$old root=/dev/vda1 ro ${KERNEL_OPTIONS}
if [ -e /initrd.img$old ]; then initrd /initrd.img$old; fi
boot
`,
    '/etc/default/grub': `GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=
GRUB_CMDLINE_LINUX="${KERNEL_OPTIONS}"
GRUB_TERMINAL=serial
GRUB_DISABLE_OS_PROBER=true
`,
  };
}

/** What it says goes to the lab's console.log. Somebody has turned AppArmor off, and no other takes its place. */
const KERNEL_OPTIONS = 'quiet console=ttyS0 apparmor=0 security=none';

/** bash, at the end of the host's own setup. Nobody sits there to log in, and what is fetched is for the tests to say. */
export const SETUP_OF_MACHINE = `systemctl -q enable systemd-networkd
systemctl -q mask getty-static.service serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service
if command -v update-initramfs >/dev/null; then update-initramfs -u -k all >/dev/null; fi`;
