import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { PackageFact } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { compareReleases, installedKernels, packagedKernels } from '../machine/kernels.ts';
import { parseRoutes4, parseRoutes6 } from '../machine/routes.ts';
import { parseTimers } from '../services/cron.ts';
import { data, failure, tree } from './testing.ts';

const kernelPackage = (name: string, version: string, status = 'install ok installed'): string =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nSource: linux-signed-amd64 (6.1.76+1)\nVersion: ${version}\n`;

test('kernel: what runs beside what is installed, in order, with the flag of the distribution', async () => {
  const root = tree({
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'proc/sys/kernel/osrelease': '6.1.0-9-amd64\n',
    'proc/version':
      'Linux version 6.1.0-9-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.27-1 (2023-05-08)\n',
    'proc/modules':
      'xt_conntrack 16384 1 - Live 0xffffffffc0a3d000\nnf_tables 303104 45 - Live 0x0\next4 983040 1 - Live 0x0\n',
    'var/lib/dpkg/status': [
      kernelPackage('linux-image-6.1.0-18-amd64', '6.1.76-1'),
      kernelPackage('linux-image-6.1.0-9-amd64', '6.1.27-1'),
      kernelPackage('linux-image-amd64', '6.1.76-1'),
      kernelPackage('linux-image-6.1.0-18-amd64-dbg', '6.1.76-1'),
      kernelPackage('linux-image-6.1.0-7-amd64', '6.1.20-2', 'deinstall ok config-files'),
    ].join('\n'),
    'boot/vmlinuz-6.1.0-18-amd64': '',
    'boot/vmlinuz-6.12.5-own': '',
    vmlinuz: '-> boot/vmlinuz-6.1.0-18-amd64',
    'run/reboot-required': '*** System restart required ***\n',
    'run/reboot-required.pkgs': 'linux-image-6.1.0-18-amd64\nlibc6\nlinux-image-6.1.0-18-amd64\n',
  });
  assert.deepEqual(await data(root, 'kernel'), {
    release: '6.1.0-9-amd64',
    version: '6.1.27-1',
    package: 'linux-image-6.1.0-9-amd64',
    installed: [
      { release: '6.1.0-9-amd64', package: 'linux-image-6.1.0-9-amd64', version: '6.1.27-1' },
      { release: '6.1.0-18-amd64', package: 'linux-image-6.1.0-18-amd64', version: '6.1.76-1' },
      { release: '6.12.5-own', package: null, version: null },
    ],
    newest: '6.12.5-own',
    boots: '6.1.0-18-amd64',
    modules: ['ext4', 'nf_tables', 'xt_conntrack'],
    rebootRequired: true,
    rebootPackages: ['libc6', 'linux-image-6.1.0-18-amd64'],
  });
  const container = await data(tree({ 'proc/sys/kernel/osrelease': '6.8.0\n' }), 'kernel');
  assert.deepEqual([container.installed, container.newest, container.rebootRequired], [[], null, false]);
});

test('kernel: of SUSE by what uname calls it, not by its package’s number of a rebuild', async () => {
  const suse = (name: string, version: string): PackageFact => ({
    ecosystem: 'SUSE',
    name,
    version,
    arch: 'x86_64',
    source: name,
    sourceVersion: version,
    status: 'installed',
  });
  const root = tree({
    'boot/vmlinuz-5.14.21-150500.55.88-default': '',
    'boot/vmlinux-5.14.21-150500.55.88-default.gz': '',
    'boot/vmlinuz-5.14.21-150500.55.94-default': '',
  });
  const found = await installedKernels(
    localHost({ root }),
    packagedKernels([
      suse('kernel-default', '5.14.21-150500.55.94.1'),
      suse('kernel-default', '5.14.21-150500.55.88.1'),
      suse('kernel-azure', '5.14.21-150500.33.69.1'),
      suse('kernel-default-base', '5.14.21-150500.55.97.1.150500.6.45.1'),
      { ...suse('kernel-desktop', '6.6.120-1.mga9'), ecosystem: 'Mageia' },
      { ...suse('kernel-desktop-latest', '6.6.120-1.mga9'), ecosystem: 'Mageia' },
      suse('kernel-default-devel', '5.14.21-150500.55.94.1'),
      suse('kernel-firmware-all', '20230724-150500.3.12.1'),
      { ...suse('kernel-default', '5.14.21-150500.55.97.1'), status: 'removed' },
    ]),
  );
  assert.deepEqual(
    found.map(({ release, version }) => [release, version]),
    [
      ['5.14.21-150500.33.69-azure', '5.14.21-150500.33.69.1'],
      ['5.14.21-150500.55.88-default', '5.14.21-150500.55.88.1'],
      ['5.14.21-150500.55.94-default', '5.14.21-150500.55.94.1'],
      ['5.14.21-150500.55.97-default', '5.14.21-150500.55.97.1.150500.6.45.1'],
      ['6.6.120-desktop-1.mga9', '6.6.120-1.mga9'],
    ],
  );
});

test('kernel: of Red Hat’s family with its flavour, so that the real-time one that runs has its package', async () => {
  const rpm = (name: string, version = '5.14.0-427.13.1.el9_4', arch = 'x86_64'): PackageFact => ({
    ecosystem: 'Red Hat',
    name,
    version,
    arch,
    source: 'kernel',
    sourceVersion: version,
    status: 'installed',
  });
  const root = tree({
    'boot/vmlinuz-5.14.0-427.13.1.el9_4.x86_64': '',
    'boot/vmlinuz-5.14.0-427.13.1.el9_4.x86_64+rt': '',
  });
  const names = [
    'kernel',
    'kernel-core',
    'kernel-rt',
    'kernel-rt-core',
    'kernel-rt-modules-core',
    'kernel-modules-core',
  ];
  const found = await installedKernels(
    localHost({ root }),
    packagedKernels([...names.map((name) => rpm(name)), rpm('kernel-64k-core', '5.14.0-570.73.1.el9_6', 'aarch64')]),
  );
  assert.deepEqual(
    found.map(({ release, package: of }) => [release, of]),
    [
      ['5.14.0-427.13.1.el9_4.x86_64', 'kernel-core'],
      ['5.14.0-427.13.1.el9_4.x86_64+rt', 'kernel-rt-core'],
      ['5.14.0-570.73.1.el9_6.aarch64+64k', 'kernel-64k-core'],
    ],
  );
});

test('kernel: releases are in the order of linux-version sort', (context) => {
  const sorted = [
    '2.6.32-5-amd64',
    '6.1.0-9-amd64',
    '6.1.0-18-amd64',
    '6.10.3-1',
    '6.12-rc1-amd64',
    '6.12-rc2-amd64',
    '6.12-amd64',
    '6.12.5',
  ];
  assert.deepEqual(sorted.toReversed().sort(compareReleases), sorted);
  try {
    const said = execFileSync('linux-version', ['sort', ...sorted.toReversed()], { encoding: 'utf8' });
    assert.deepEqual(
      said
        .trim()
        .split('\n')
        .filter((line) => !line.includes('rc')),
      sorted.filter((line) => !line.includes('rc')),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    context.diagnostic('no linux-version on this machine: only our own list was compared');
  }
});

test('mounts: options sorted, names unescaped, what hides another counts, what passes by is left out', async () => {
  const root = tree({
    'proc/1/mounts': String.raw`sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
/dev/mapper/vg-root / ext4 rw,relatime,errors=remount-ro 0 0
systemd-1 /proc/sys/fs/binfmt_misc autofs rw,relatime,fd=30 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev,size=1024k 0 0
/dev/sdb1 /tmp xfs rw,noexec 0 0
//nas/share\040one /srv/my\040share cifs rw,vers=3.0,username=x,password=hush 0 0
overlay /var/lib/docker/overlay2/abc/merged overlay rw,lowerdir=/var/lib/docker/overlay2/l/X 0 0
overlay /srv/layers overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d,xino=off 0 0
tmpfs /run/user/1000 tmpfs rw,size=1k,uid=1000 0 0
nsfs /run/netns/x nsfs rw 0 0
`,
  });
  assert.deepEqual(
    (await data(root, 'mounts')).map((fact) => `${fact.source} ${fact.target} ${fact.type} ${fact.options.join(',')}`),
    [
      '/dev/mapper/vg-root / ext4 errors=remount-ro,relatime,rw',
      'overlay /srv/layers overlay rw,xino=off',
      '//nas/share one /srv/my share cifs password=•••,rw,username=x,vers=3.0',
      'sysfs /sys sysfs nodev,noexec,nosuid,relatime,rw',
      '/dev/sdb1 /tmp xfs noexec,rw',
    ],
  );
  assert.match(await failure(tree(), 'mounts'), /\/proc\/mounts/, 'nothing to see is not nothing mounted');
});

test('mounts: the same as findmnt says about this machine', async (context) => {
  let said: string;
  try {
    said = execFileSync('findmnt', ['--list', '--noheadings', '--output', 'TARGET', '--tab-file', '/proc/1/mounts'], {
      encoding: 'utf8',
    });
  } catch {
    context.skip('no findmnt on this machine');
    return;
  }
  const targets = new Set(
    said
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean),
  );
  for (const fact of await data('/', 'mounts')) assert.ok(targets.has(fact.target), fact.target);
});

test('routes: both families as they are, without what is only about the host itself', () => {
  const four = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	100	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
lo	0000A8C0	00000000	0201	0	0	0	0000FFFF	0	0	0
tun0	0500A8C0	0100A8C0	0007	0	0	50	FFFFFFFF	0	0	0
`;
  assert.deepEqual(
    parseRoutes4(four).map((fact) => Object.values(fact).join(' ')),
    ['0.0.0.0/0 172.17.0.1 eth0 100', '172.17.0.0/16  eth0 0', '192.168.0.5/32 192.168.0.1 tun0 50'],
  );
  const six = `00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       lo
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00450003     eth0
20010db8000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;
  assert.deepEqual(
    parseRoutes6(six).map((fact) => Object.values(fact).join(' ')),
    ['2001:db8::/64  eth0 256', '::/0 fe80::1 eth0 1024'],
  );
});

test('routes: the same as ip says about this machine', async (context) => {
  let said: { dst: string; gateway?: string; dev: string; metric?: number; type?: string }[];
  try {
    const rows = ['-4', '-6'].map((family) => execFileSync('ip', ['-j', '-d', family, 'route'], { encoding: 'utf8' }));
    said = rows.flatMap((text) => JSON.parse(text || '[]') as typeof said);
  } catch {
    context.skip('no ip on this machine');
    return;
  }
  const oracle = said
    .filter((row) => row.type === 'unicast' && !/^fe80|^ff00|^multicast/.test(row.dst) && row.dev !== 'lo')
    .map((row) => {
      const isSix = (row.gateway ?? row.dst).includes(':');
      const all = isSix ? '::/0' : '0.0.0.0/0';
      const destination =
        row.dst === 'default' ? all : row.dst.includes('/') ? row.dst : `${row.dst}/${isSix ? 128 : 32}`;
      return `${destination} ${row.gateway ?? null} ${row.dev} ${row.metric ?? 0}`;
    });
  const ours = (await data('/', 'routes')).map(
    (fact) => `${fact.destination} ${fact.gateway} ${fact.device} ${fact.metric}`,
  );
  assert.deepEqual(ours.sort(), oracle.sort());
});

const SHOW = `Id=apt-daily.timer
Unit=apt-daily.service
TimersCalendar={ OnCalendar=*-*-* 06,18:00:00 ; next_elapse=Thu 2026-11-26 06:00:00 UTC }
ActiveState=active
UnitFileState=enabled
FragmentPath=/lib/systemd/system/apt-daily.timer

Id=systemd-tmpfiles-clean.timer
Unit=systemd-tmpfiles-clean.service
TimersMonotonic={ OnUnitActiveUSec=1d ; next_elapse=1d 3h 5min }
TimersMonotonic={ OnBootUSec=15min ; next_elapse=15min }
ActiveState=active
UnitFileState=static
FragmentPath=/lib/systemd/system/systemd-tmpfiles-clean.timer

Id=fstrim.timer
Unit=fstrim.service
TimersCalendar={ OnCalendar=weekly ; next_elapse=(null) }
ActiveState=inactive
UnitFileState=disabled
FragmentPath=/lib/systemd/system/fstrim.timer
`;

test('cron: crontabs, scripts and timers, without when they are due and without secrets', async () => {
  const root = tree({
    'etc/crontab': `SHELL=/bin/sh
# m h dom mon dow user	command
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
`,
    'etc/cron.d/backup': '@daily backup /usr/local/bin/backup --password=hush\nMAILTO=""\n',
    'etc/cron.d/off.disabled': '* * * * * root evil\n',
    'etc/cron.daily/logrotate': '#!/bin/sh\n',
    'etc/cron.daily/off': 'not to be run\n',
    'etc/cron.daily/.placeholder': '',
    'var/spool/cron/crontabs/ops': '# DO NOT EDIT\n*/5 * * * mon-fri curl https://u:hush@example.test/\n',
    'usr/bin/systemctl': `#!/bin/sh\n/bin/cat <<'END'\n${SHOW}END\n`,
  });
  assert.deepEqual(
    (await data(root, 'cron')).map((fact) => Object.values(fact).join(' ; ')),
    [
      'crontab ; /etc/cron.d/backup ; backup ; @daily ; /usr/local/bin/backup --password=••• ; true',
      'crontab ; /etc/crontab ; root ; 17 * * * * ; cd / && run-parts --report /etc/cron.hourly ; true',
      'crontab ; /etc/crontab ; root ; 25 6 * * * ; test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; } ; true',
      'crontab ; /var/spool/cron/crontabs/ops ; ops ; */5 * * * mon-fri ; curl https://u:•••@example.test/ ; true',
      'script ; /etc/cron.daily/logrotate ; root ; @daily ; /etc/cron.daily/logrotate ; true',
      'script ; /etc/cron.daily/off ; root ; @daily ; /etc/cron.daily/off ; false',
      'timer ; /lib/systemd/system/apt-daily.timer ; root ; OnCalendar=*-*-* 06,18:00:00 ; apt-daily.service ; true',
      'timer ; /lib/systemd/system/fstrim.timer ; root ; OnCalendar=weekly ; fstrim.service ; false',
      'timer ; /lib/systemd/system/systemd-tmpfiles-clean.timer ; root ; OnBootUSec=15min; OnUnitActiveUSec=1d ; systemd-tmpfiles-clean.service ; true',
    ],
  );
  assert.deepEqual(parseTimers('Id=ssh.service\nActiveState=active\n'), []);
  assert.deepEqual(await data(tree(), 'cron'), []);
});

const CPU = `processor	: 0
vendor_id	: GenuineIntel
model name	: Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz
microcode	: 0x5003901
cpu MHz		: 2499.998
flags		: fpu vme hypervisor lahf_lm

processor	: 1
vendor_id	: GenuineIntel
flags		: fpu vme hypervisor lahf_lm
`;
const dmi = (fields: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`sys/class/dmi/id/${name}`, `${value}\n`]));

test('hardware: processor, memory and firmware; a cloud by its firmware and by what cloud-init wrote down', async () => {
  const root = tree({
    'proc/cpuinfo': CPU,
    'proc/meminfo': 'MemTotal:        7997848 kB\nMemFree:          123456 kB\n',
    ...dmi({
      sys_vendor: 'Amazon EC2',
      product_name: 'm5.large',
      product_version: 'Not Specified',
      product_serial: 'ec2e1916-9099-7caf-fd21-012345abcdef',
      product_uuid: 'EC2E1916-9099-7CAF-FD21-012345ABCDEF',
      board_asset_tag: 'i-01234567890abcdef',
      bios_vendor: 'Amazon EC2',
      bios_version: '1.0',
      bios_date: '10/16/2017',
    }),
    'run/cloud-init/instance-data.json': JSON.stringify({
      v1: {
        cloud_name: 'aws',
        instance_id: 'i-01234567890abcdef',
        region: 'eu-west-1',
        availability_zone: 'eu-west-1b',
      },
      ds: { meta_data: { 'instance-type': 'm5.large', 'ami-id': 'ami-0abc', 'public-keys': ['ssh-rsa x'] } },
      userdata: 'password: hush',
    }),
  });
  const hardware = await data(root, 'hardware');
  assert.deepEqual(hardware, {
    cpu: {
      model: 'Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz',
      vendor: 'GenuineIntel',
      count: 2,
      microcode: '0x5003901',
    },
    memoryMiB: 7810,
    dmi: {
      vendor: 'Amazon EC2',
      product: 'm5.large',
      version: null,
      serial: 'ec2e1916-9099-7caf-fd21-012345abcdef',
      uuid: 'ec2e1916-9099-7caf-fd21-012345abcdef',
      board: null,
      assetTag: 'i-01234567890abcdef',
      biosVendor: 'Amazon EC2',
      biosVersion: '1.0',
      biosDate: '10/16/2017',
    },
    virtualisation: 'kvm',
    container: null,
    cloud: {
      provider: 'aws',
      instanceId: 'i-01234567890abcdef',
      instanceType: 'm5.large',
      region: 'eu-west-1',
      zone: 'eu-west-1b',
      image: 'ami-0abc',
    },
  });
});

test('hardware: clouds by firmware alone, boards that say nothing, and no machine at all', async () => {
  const cloudOf = async (fields: Record<string, string>): Promise<unknown> => {
    const { cloud, virtualisation } = await data(tree({ 'proc/cpuinfo': CPU, ...dmi(fields) }), 'hardware');
    return [cloud?.provider ?? null, cloud?.instanceId ?? null, virtualisation];
  };
  const cases: [Record<string, string>, unknown[]][] = [
    [{ sys_vendor: 'Google', product_name: 'Google Compute Engine' }, ['gcp', null, 'kvm']],
    [
      {
        sys_vendor: 'Microsoft Corporation',
        product_name: 'Virtual Machine',
        chassis_asset_tag: '7783-7084-3265-9085-8269-3286-77',
      },
      ['azure', null, 'microsoft'],
    ],
    [{ sys_vendor: 'Microsoft Corporation', product_name: 'Virtual Machine' }, [null, null, 'microsoft']],
    [{ sys_vendor: 'Hetzner', product_name: 'vServer', product_serial: '4711' }, ['hetzner', '4711', 'kvm']],
    [{ sys_vendor: 'QEMU', product_name: 'Standard PC (Q35 + ICH9, 2009)' }, [null, null, 'kvm']],
    [{ sys_vendor: 'VMware, Inc.', product_name: 'VMware7,1' }, [null, null, 'vmware']],
  ];
  for (const [fields, expected] of cases) assert.deepEqual(await cloudOf(fields), expected, JSON.stringify(fields));
  const board = dmi({ sys_vendor: 'To Be Filled By O.E.M.', product_uuid: '03000200-0400-0500-0006-000700080009' });
  const metal = await data(tree({ 'proc/cpuinfo': CPU.replaceAll(' hypervisor', ''), ...board }), 'hardware');
  assert.deepEqual([metal.dmi?.vendor, metal.dmi?.uuid, metal.virtualisation], [null, null, 'none']);
  const nothing = await data(tree({ '.dockerenv': '' }), 'hardware');
  assert.deepEqual(
    [nothing.dmi, nothing.virtualisation, nothing.container, nothing.memoryMiB],
    [null, null, 'docker', null],
  );
});

test('settings: sshd tells what is in force; its files are read where it does not', async () => {
  const said =
    'port 22\\nport 2222\\npermitrootlogin without-password\\nchallengeresponseauthentication no\\nciphers aes256-gcm@openssh.com\\n';
  const files = { 'etc/ssh/sshd_config': 'Port 2200\nPermitRootLogin yes\nChallengeResponseAuthentication no\n' };
  const asked = await data(tree({ ...files, 'usr/sbin/sshd': `#!/bin/sh\nprintf '${said}'\n` }), 'settings');
  assert.equal(asked.sshdBy, 'sshd');
  assert.deepEqual(asked.sshd, {
    ciphers: 'aes256-gcm@openssh.com',
    kbdinteractiveauthentication: 'no',
    permitrootlogin: 'prohibit-password',
    port: '22 2222',
  });
  const refuses = '#!/bin/sh\necho "Missing privilege separation directory: /run/sshd" >&2\nexit 255\n';
  const read = await data(tree({ ...files, 'usr/sbin/sshd': refuses }), 'settings');
  assert.deepEqual(
    [read.sshdBy, read.sshd['port'], read.sshd['permitrootlogin'], read.sshd['kbdinteractiveauthentication']],
    ['files', '2200', 'yes', 'no'],
  );
  assert.equal((await data(tree(), 'settings')).sshdBy, null);
});
