import type { Group, Trial } from '../spec.ts';
import { build, debOf, INDEX, outdated, publish } from './archives.ts';

/** Packages with a hole, by source and version, of the archive's making and with nothing in them: [check, name, source, old, new]. */
const OLD: readonly (readonly [string, string, string, string, string])[] = [
  ['shellshock/shellshock-package', 'bash-lab', 'bash', '4.3-9.1', '4.3-9.2'],
  ['pwnkit/pwnkit-package', 'polkit-lab', 'policykit-1', '0.105-31', '0.105-31+deb11u1'],
  ['looney-tunables/looney-tunables-package', 'glibc-lab', 'glibc', '2.36-9', '2.36-9+deb12u3'],
  ['regresshion/regresshion-package', 'ssh-lab', 'openssh', '1:9.2p1-2+deb12u2', '1:9.2p1-2+deb12u3'],
  ['xz-backdoor/xz-backdoor-package', 'xz-lab', 'xz-utils', '5.6.0-0.1', '5.6.1+really5.4.5-1'],
  ['log4shell/log4j-package', 'log4j-lab', 'apache-log4j2', '2.13.3-1', '2.17.0-1~deb10u1'],
];

const old = ([check, name, source, before, after]: (typeof OLD)[number]): Trial => ({
  check,
  component: name,
  bad: outdated({ name, source, version: before }, { name, source, version: after }),
});

export const HOLES: Group = {
  title: 'packages with a hole',
  // Each change asks for fresh lists. Only this archive has what these are about.
  settle: `rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; ${INDEX}`,
  trials: OLD.map(old),
};

const LOCAL = { name: 'local-lab', version: '1.0' };
const FOREIGN = { name: 'foreign-lab', version: '1.0', dir: '/srv/foreign' };

export const ORIGINS: Group = {
  title: 'packages of nobody',
  settle: INDEX,
  trials: [
    // Not with the other hole of this source: what one change of a source brings, makes the plan of another stale.
    old(['terrapin/terrapin-package', 'terrapin-lab', 'openssh', '1:9.2p1-2', '1:9.2p1-2+deb12u3']),
    {
      check: 'unmanaged-packages/packages-held',
      component: 'held-lab',
      bad: `${outdated({ name: 'held-lab', version: '1.0' }, { name: 'held-lab', version: '1.1' })}; apt-mark hold held-lab >/dev/null`,
    },
    {
      check: 'unmanaged-packages/packages-of-no-archive',
      bad: `${build(LOCAL)}; dpkg --install ${debOf(LOCAL)} >/dev/null; rm ${debOf(LOCAL)}`,
      byHand: 'dpkg --purge local-lab >/dev/null',
    },
    {
      check: 'unmanaged-packages/packages-of-foreign-archives',
      bad: `${build(FOREIGN)}; dpkg --install ${debOf(FOREIGN)} >/dev/null; ${publish({ dir: FOREIGN.dir, origin: 'Somebody', label: 'Somebody', suite: '' })}`,
      byHand: 'dpkg --purge foreign-lab >/dev/null; rm /etc/apt/sources.list.d/srv-foreign.list; apt-get -qq update',
    },
    {
      check: 'end-of-life/os-unsupported',
      bad: `sed -i.good 's/^VERSION_ID=.*/VERSION_ID="10"/' /etc/os-release`,
      // The lab moves no host to another release: it only called itself an older one.
      byHand: 'mv /etc/os-release.good /etc/os-release',
    },
  ],
};
