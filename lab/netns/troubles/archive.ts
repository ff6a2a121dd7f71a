/** An archive of security updates in a host's own files, with packages that do what is needed here and nothing else. */

/** `asks` reads a terminal before it is unpacked, and asks a debconf question when it is configured. */
const PREINST_ASKS = `printf 'Replace everything? [Y/n] '; read -r answer || answer=nobody; echo "$answer" >/var/log/daybook.answer`;
const POSTINST_ASKS = `. /usr/share/debconf/confmodule
db_input high daybook/colour || true
db_go || true
db_get daybook/colour && echo "$RET" >/var/log/daybook.colour
db_stop`;
const TEMPLATES = `Template: daybook/colour
Type: string
Default: blue
Description: Which colour?
 Somebody at the keyboard would know.
`;

const INIT = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          daybook
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: daybook
### END INIT INFO
DAEMON=/usr/sbin/daybookd
PIDFILE=/run/daybook.pid
LIVES=100000
[ ! -r /etc/default/daybook ] || . /etc/default/daybook
case "$1" in
start)
  start-stop-daemon --start --quiet --oknodo --background --make-pidfile --pidfile $PIDFILE --exec $DAEMON -- $LIVES
  sleep 0.3
  start-stop-daemon --status --pidfile $PIDFILE --exec $DAEMON || { echo "daybook ended right away" >&2; exit 1; } ;;
stop) start-stop-daemon --stop --quiet --oknodo --retry 5 --pidfile $PIDFILE --remove-pidfile ;;
restart | force-reload) $0 stop && $0 start ;;
status) start-stop-daemon --status --pidfile $PIDFILE --exec $DAEMON ;;
*) exit 2 ;;
esac
`;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

interface Built {
  name: string;
  version: string;
  /** shell that puts files below $d */
  files: string;
  /** text of files in DEBIAN, by name */
  control?: Record<string, string>;
}

const build = ({ name, version, files, control = {} }: Built): string => `d=/tmp/build/${name}
rm -rf $d && mkdir -p $d/DEBIAN
${files}
printf 'Package: ${name}\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\nDescription: ${name}\\n' >$d/DEBIAN/control
${Object.entries(control)
  .map(([file, text]) => `printf '%s\\n' ${quoted(text)} >$d/DEBIAN/${file}`)
  .join('\n')}
for script in preinst postinst; do if [ -e $d/DEBIAN/$script ]; then chmod 755 $d/DEBIAN/$script; fi; done
dpkg-deb --build -Znone $d /srv/updates/${name}_${version}.deb >/dev/null`;

const daybook = (version: string, asks: boolean): string =>
  build({
    name: 'daybook',
    version,
    files: `mkdir -p $d/usr/sbin $d/etc/init.d
cp /bin/sleep $d/usr/sbin/daybookd
printf '%s\\n' ${quoted(INIT)} >$d/etc/init.d/daybook && chmod 755 $d/etc/init.d/daybook
echo 'shipped with ${version}' >$d/etc/daybook.conf`,
    control: {
      conffiles: '/etc/daybook.conf',
      postinst: `#!/bin/sh\nset -e\n${asks ? POSTINST_ASKS : ':'}`,
      ...(asks ? { preinst: `#!/bin/sh\nset -e\n${PREINST_ASKS}`, templates: TEMPLATES } : {}),
    },
  });

/** Large, and slow enough to unpack for something to happen meanwhile: it waits until it may go on. */
const ledger = (version: string, waits: boolean): string =>
  build({
    name: 'ledger',
    version,
    files: `mkdir -p $d/usr/share/ledger && head -c ${waits ? 30 : 1}M /dev/urandom >$d/usr/share/ledger/book`,
    control: waits
      ? {
          preinst: `#!/bin/sh
echo begun >/run/ledger.begun
n=0; while [ ! -e /run/ledger.go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done`,
        }
      : {},
  });

const INDEX = `cd /srv/updates
for deb in *.deb; do
  dpkg-deb --field $deb
  echo "Filename: ./$deb"; echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum $deb | cut -d ' ' -f 1)"; echo
done >Packages
printf 'Origin: Debian\\nLabel: Debian-Security\\nSuite: stable-security\\nCodename: bookworm-security\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' \\
  "$(date -Ru)" "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release`;

/** The host has this package in its older version, and its own archive the newer one as its only security update. */
export const oneUpdate = (name: 'daybook' | 'ledger'): string => {
  const make = { daybook, ledger }[name];
  return `set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive
rm -rf /srv/updates && mkdir -p /srv/updates
${make('1.0', false)}
dpkg --install /srv/updates/${name}_1.0.deb >/dev/null
${make('1.1', true)}
${INDEX}
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/updates ./' >/etc/apt/sources.list
apt-get -qq update
if [ -e /etc/init.d/${name} ]; then update-rc.d ${name} defaults && service ${name} start; fi`;
};
