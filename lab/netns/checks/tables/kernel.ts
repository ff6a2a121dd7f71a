import type { Group, Trial } from '../spec.ts';

interface More {
  /** what a person sets, where our kits leave it to one */
  byHand?: string;
}

/** A setting of the kernel with a bad value. Those of the network are the host's own, a few others are played by files. */
const sysctl = (check: string, key: string, bad: string, { byHand }: More = {}): Trial => ({
  check: `linux-baseline/${check}`,
  bad: `sysctl -qw ${key}=${bad}`,
  ...(byHand === undefined ? {} : { byHand: `sysctl -qw ${key}=${byHand}` }),
  where: `test -e /proc/sys/${key.replaceAll('.', '/')}`,
  else: `this machine's kernel has no ${key}`,
});

const both = (check: string, key: string, bad: string): Trial[] => [
  sysctl(check, key.replace('*', 'all'), bad),
  sysctl(`${check}-default`, key.replace('*', 'default'), bad),
];

export const KERNEL: Group = {
  title: 'settings of the kernel',
  trials: [
    sysctl('aslr', 'kernel.randomize_va_space', '0'),
    sysctl('suid-dumpable', 'fs.suid_dumpable', '1'),
    sysctl('dmesg-restrict', 'kernel.dmesg_restrict', '0'),
    sysctl('kptr-restrict', 'kernel.kptr_restrict', '0'),
    sysctl('unprivileged-bpf', 'kernel.unprivileged_bpf_disabled', '0'),
    sysctl('perf-paranoid', 'kernel.perf_event_paranoid', '1'),
    sysctl('line-disciplines', 'dev.tty.ldisc_autoload', '1'),
    sysctl('userfaultfd', 'vm.unprivileged_userfaultfd', '1'),
    sysctl('mmap-min-addr', 'vm.mmap_min_addr', '4096'),
    sysctl('protected-hardlinks', 'fs.protected_hardlinks', '0'),
    sysctl('protected-symlinks', 'fs.protected_symlinks', '0'),
    sysctl('protected-fifos', 'fs.protected_fifos', '0'),
    sysctl('protected-regular', 'fs.protected_regular', '0'),
    // Whoever turns forwarding off has the kernel accept redirects again, so these are not with the others of the network.
    sysctl('ip-forward', 'net.ipv4.ip_forward', '1', { byHand: '0' }),
    sysctl('ip6-forward', 'net.ipv6.conf.all.forwarding', '1', { byHand: '0' }),
  ],
};

export const NETWORK: Group = {
  title: 'what the kernel takes from the network',
  trials: [
    sysctl('syn-cookies', 'net.ipv4.tcp_syncookies', '0'),
    ...both('icmp-redirects', 'net.ipv4.conf.*.accept_redirects', '1'),
    ...both('icmp6-redirects', 'net.ipv6.conf.*.accept_redirects', '1'),
    ...both('secure-redirects', 'net.ipv4.conf.*.secure_redirects', '1'),
    ...both('send-redirects', 'net.ipv4.conf.*.send_redirects', '1'),
    ...both('source-route', 'net.ipv4.conf.*.accept_source_route', '1'),
    ...both('source-route6', 'net.ipv6.conf.*.accept_source_route', '1'),
    ...both('reverse-path', 'net.ipv4.conf.*.rp_filter', '0'),
    ...both('log-martians', 'net.ipv4.conf.*.log_martians', '0'),
    sysctl('router-adv', 'net.ipv6.conf.all.accept_ra', '1', { byHand: '0' }),
    sysctl('router-adv-default', 'net.ipv6.conf.default.accept_ra', '1', { byHand: '0' }),
    sysctl('bogus-icmp', 'net.ipv4.icmp_ignore_bogus_error_responses', '0'),
    sysctl('icmp-broadcasts', 'net.ipv4.icmp_echo_ignore_broadcasts', '0'),
    sysctl('tcp-rfc1337', 'net.ipv4.tcp_rfc1337', '0'),
  ],
};

/** Checks of modules are for hosts with a kernel of their own, of which a file stands for one. */
const OWN_KERNEL = 'touch /boot/vmlinuz-6.1.0-1-amd64';
const NAMES = ['cramfs', 'freevxfs', 'hfs', 'hfsplus', 'jffs2', 'usb-storage', 'dccp', 'tipc', 'rds', 'sctp'];

export const MODULES: Group = {
  title: 'modules of the kernel',
  trials: NAMES.map((name) => ({
    check: `linux-baseline/module-${name}`,
    bad: `${OWN_KERNEL}; rm -f /etc/modprobe.d/*${name}*`,
    where: `! grep -q '^${name.replace('-', '_')} ' /proc/modules`,
    else: `this machine has loaded ${name}, and then our remediation leaves it to a person`,
  })),
};

/** What not every kernel has that a lab may run on: tried on Debian's own. */
export const DEBIANS_KERNEL: readonly Trial[] = [
  sysctl('ptrace-scope', 'kernel.yama.ptrace_scope', '0'),
  sysctl('bpf-jit-harden', 'net.core.bpf_jit_harden', '0'),
  sysctl('sysrq', 'kernel.sysrq', '1'),
  // Once set, it is so until a boot; Debian comes without.
  { ...sysctl('kexec', 'kernel.kexec_load_disabled', '0', { byHand: '1' }), bad: '' },
];
