import { readText, type Host } from '../host.ts';
import { appArmor } from '../machine/app-armor.ts';
import { hostKeys } from '../settings/host-keys.ts';
import { by, each, type FactSection } from './look.ts';
import { sshd, users } from './shared.ts';

const SYSCTL = [
  'dev.tty.ldisc_autoload',
  'fs.protected_fifos',
  'fs.protected_hardlinks',
  'fs.protected_regular',
  'fs.protected_symlinks',
  'fs.suid_dumpable',
  'kernel.core_pattern',
  'kernel.dmesg_restrict',
  'kernel.kexec_load_disabled',
  'kernel.kptr_restrict',
  'kernel.perf_event_paranoid',
  'kernel.randomize_va_space',
  'kernel.sysrq',
  'kernel.unprivileged_bpf_disabled',
  'kernel.unprivileged_userns_clone',
  'kernel.yama.ptrace_scope',
  'net.core.bpf_jit_harden',
  'net.ipv4.conf.all.accept_redirects',
  'net.ipv4.conf.all.accept_source_route',
  'net.ipv4.conf.all.log_martians',
  'net.ipv4.conf.all.rp_filter',
  'net.ipv4.conf.all.secure_redirects',
  'net.ipv4.conf.all.send_redirects',
  'net.ipv4.conf.default.accept_redirects',
  'net.ipv4.conf.default.accept_source_route',
  'net.ipv4.conf.default.log_martians',
  'net.ipv4.conf.default.rp_filter',
  'net.ipv4.conf.default.secure_redirects',
  'net.ipv4.conf.default.send_redirects',
  'net.ipv4.icmp_echo_ignore_broadcasts',
  'net.ipv4.icmp_ignore_bogus_error_responses',
  'net.ipv4.ip_forward',
  'net.ipv4.tcp_rfc1337',
  'net.ipv4.tcp_syncookies',
  'net.ipv6.conf.all.accept_ra',
  'net.ipv6.conf.all.accept_redirects',
  'net.ipv6.conf.all.accept_source_route',
  'net.ipv6.conf.all.forwarding',
  'net.ipv6.conf.default.accept_ra',
  'net.ipv6.conf.default.accept_redirects',
  'net.ipv6.conf.default.accept_source_route',
  'net.ipv6.conf.default.forwarding',
  'vm.mmap_min_addr',
  'vm.unprivileged_userfaultfd',
];

/**
 * Kernel parameters as the kernel has them, so in force. Of sshd what it makes of its files, by its own word: in force
 * unless `sshdPending`.
 */
export const settings: FactSection<'settings'> = {
  name: 'settings',
  version: 5,
  async collect(look) {
    const values = await each(SYSCTL, async (key) => [key, await sysctl(look.host, key)] as const);
    const { settings: ssh, by: sshdBy, pending: sshdPending } = await sshd(look);
    return {
      sshd: ssh,
      sshdBy,
      sshdPending,
      sshHostKeys: await hostKeys(look.host),
      appArmor: await appArmor(look.host),
      sysctl: Object.fromEntries(values.filter((pair): pair is readonly [string, string] => pair[1] !== null)),
      users: [...(await users(look))].sort(
        by(
          (user) => user.uid,
          (user) => user.name,
        ),
      ),
    };
  },
};

const fileOf = (key: string): string => `/proc/sys/${key.replaceAll('.', '/')}`;
export const SYSCTL_FILES = SYSCTL.map(fileOf);

async function sysctl(host: Host, key: string): Promise<string | null> {
  const text = await readText(host, fileOf(key), 4096).catch(() => null);
  return text === null ? null : text.trim().replace(/\s+/g, ' ');
}
