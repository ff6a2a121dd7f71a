import type { Group, Trial } from '../spec.ts';

/** Packages with a hole, by source and version, of the archive's making and with nothing in them: [check, name, source, old, new]. */
const OLD: readonly (readonly [string, string, string, string, string])[] = [
  ['shellshock/shellshock-package', 'bash-lab', 'bash', '4.3-9.1', '4.3-9.2'],
  ['pwnkit/pwnkit-package', 'polkit-lab', 'policykit-1', '0.105-31', '0.105-31+deb11u1'],
  ['looney-tunables/looney-tunables-package', 'glibc-lab', 'glibc', '2.36-9', '2.36-9+deb12u3'],
  ['regresshion/regresshion-package', 'ssh-lab', 'openssh', '1:9.2p1-2+deb12u2', '1:9.2p1-2+deb12u3'],
  ['xz-backdoor/xz-backdoor-package', 'xz-lab', 'xz-utils', '5.6.0-0.1', '5.6.1+really5.4.5-1'],
  ['log4shell/log4j-package', 'log4j-lab', 'apache-log4j2', '2.13.3-1', '2.17.0-1~deb10u1'],
];

const build = (
  name: string,
  source: string,
  version: string,
): string => `d=/tmp/build/${name}; rm -rf $d; mkdir -p $d/DEBIAN
printf 'Package: ${name}\\nSource: ${source}\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\nDescription: ${name}\\n' >$d/DEBIAN/control
dpkg-deb --build -Znone $d /srv/lab/${name}_${version.replace(/^\d+:/, '')}.deb >/dev/null`;

const INDEX = `cd /srv/lab; : >Packages; for deb in *.deb; do dpkg-deb --field $deb; echo "Filename: ./$deb"; echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum $deb | cut -d ' ' -f 1)"; echo; done >Packages
printf 'Origin: Debian\\nLabel: Debian\\nSuite: stable\\nCodename: bookworm\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' "$(date -Ru)" "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
echo 'deb [trusted=yes] file:/srv/lab ./' >/etc/apt/sources.list.d/lab.list; apt-get -qq update`;

const old = ([check, component, source, before, after]: (typeof OLD)[number]): Trial => ({
  check,
  component,
  bad: `mkdir -p /srv/lab; ${build(component, source, before)}; dpkg --install /srv/lab/${component}_*.deb >/dev/null && rm /srv/lab/${component}_*.deb
${build(component, source, after)}`,
});

export const HOLES: Group = {
  title: 'packages with a hole',
  // Each change asks for fresh lists. Only this archive has what these are about.
  settle: `rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; ${INDEX}`,
  trials: OLD.map(old),
};

export const ORIGINS: Group = {
  title: 'packages of nobody',
  settle: INDEX,
  trials: [
    // Not with the other hole of this source: what one change of a source brings, makes the plan of another stale.
    old(['terrapin/terrapin-package', 'terrapin-lab', 'openssh', '1:9.2p1-2', '1:9.2p1-2+deb12u3']),
    {
      check: 'unmanaged-packages/packages-held',
      component: 'held-lab',
      bad: `mkdir -p /srv/lab; ${build('held-lab', 'held-lab', '1.0')}; dpkg --install /srv/lab/held-lab_1.0.deb >/dev/null; apt-mark hold held-lab >/dev/null; ${build('held-lab', 'held-lab', '1.1')}`,
    },
    {
      check: 'unmanaged-packages/packages-of-no-archive',
      bad: `mkdir -p /srv/lab; ${build('local-lab', 'local-lab', '1.0')}; dpkg --install /srv/lab/local-lab_1.0.deb >/dev/null; rm /srv/lab/local-lab_1.0.deb`,
      byHand: 'dpkg --purge local-lab >/dev/null',
    },
    {
      check: 'end-of-life/os-unsupported',
      bad: `sed -i.good 's/^VERSION_ID=.*/VERSION_ID="10"/' /etc/os-release`,
      // The lab moves no host to another release: it only called itself an older one.
      byHand: 'mv /etc/os-release.good /etc/os-release',
    },
  ],
};
