/** Packages of the lab's own making, and archives of them in the host's files. */

interface Built {
  name: string;
  source?: string;
  version: string;
  /** shell that puts files below $d; without, there is nothing in it */
  files?: string;
  dir?: string;
}

/** Into the archive in `dir`. */
export const build = ({
  name,
  source = name,
  version,
  files = '',
  dir = '/srv/lab',
}: Built): string => `d=/tmp/build/${name}; rm -rf $d; mkdir -p $d/DEBIAN ${dir}
${files}
printf 'Package: ${name}\\nSource: ${source}\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\nDescription: ${name}\\n' >$d/DEBIAN/control
dpkg-deb --build -Znone $d ${debOf({ name, version, dir })} >/dev/null`;

export const debOf = ({ name, version, dir = '/srv/lab' }: Built): string =>
  `${dir}/${name}_${version.replace(/^\d+:/, '')}.deb`;

/** It is installed in the older version, and its archive has the newer one. */
export const outdated = (older: Built, newer: Built): string =>
  `${build(older)}; dpkg --install ${debOf(older)} >/dev/null && rm ${debOf(older)}\n${build(newer)}`;

interface Archive {
  dir: string;
  origin: string;
  label: string;
  suite: string;
}

/** As the release's own. */
const OWN: Archive = { dir: '/srv/lab', origin: 'Debian', label: 'Debian', suite: '' };

/** Lists what lies in the directory, and has apt take it for an archive. */
export const publish = ({ dir, origin, label, suite }: Archive = OWN): string =>
  `cd ${dir}; for deb in *.deb; do dpkg-deb --field $deb; echo "Filename: ./$deb"; echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum $deb | cut -d ' ' -f 1)"; echo; done >Packages
printf 'Origin: ${origin}\\nLabel: ${label}\\nSuite: stable${suite}\\nCodename: bookworm${suite}\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' "$(date -Ru)" "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
echo 'deb [trusted=yes] file:${dir} ./' >/etc/apt/sources.list.d/${dir.replaceAll('/', '-').slice(1)}.list`;

export const INDEX = `${publish()}; apt-get -qq update`;
