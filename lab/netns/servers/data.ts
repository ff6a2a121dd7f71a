import { CERT, KEY, type ServerSpec } from './spec.ts';

/** Databases, queues, files and desktops. */
export const DATA: readonly ServerSpec[] = [
  {
    name: 'redis',
    number: 61,
    package: 'redis-server',
    start: `/usr/bin/redis-server --protected-mode no --save '' --bind 0.0.0.0 &`,
    ports: [{ port: 6379, protocol: 'redis', product: 'Redis', version: 'told', access: 'open' }],
  },
  {
    name: 'redispw',
    number: 62,
    package: 'redis-server',
    start: `/usr/bin/redis-server --requirepass lab --save '' --bind 0.0.0.0 &`,
    ports: [{ port: 6379, protocol: 'redis', product: 'Redis', access: 'refused' }],
  },
  {
    name: 'memcache',
    number: 63,
    package: 'memcached',
    start: `/usr/bin/memcached -u nobody -m 8 -l 0.0.0.0 &`,
    ports: [{ port: 11211, protocol: 'memcached', product: 'Memcached', version: 'told', access: 'open' }],
  },
  {
    name: 'postgres',
    number: 64,
    package: 'postgresql-15',
    start: `user postgres; install -d -o postgres /srv/pg
install -o postgres -m 600 ${CERT} ${KEY} /srv/
cd /srv; B=/usr/lib/postgresql/15/bin
as() { setpriv --reuid postgres --clear-groups "$@"; }
echo lab >/srv/pw; chown postgres /srv/pw
as $B/initdb -D /srv/pg -N --no-locale -E UTF8 -A scram-sha-256 --pwfile=/srv/pw >/dev/null
echo 'host all all 0.0.0.0/0 scram-sha-256' >>/srv/pg/pg_hba.conf
as $B/postgres -D /srv/pg -k /tmp -h '*' -c ssl=on -c ssl_cert_file=/srv/cert.pem -c ssl_key_file=/srv/key.pem -c jit=off -c fsync=off -c shared_buffers=8MB &`,
    ports: [{ port: 5432, protocol: 'postgresql', product: 'PostgreSQL', access: 'refused', tls: 'starttls' }],
  },
  {
    name: 'mariadb',
    number: 65,
    package: 'mariadb-server-core',
    // Its tables of accounts take seconds to make and are not asked for before the greeting; without them it lets in.
    start: `user mysql; install -d -o mysql /srv/db
/usr/sbin/mariadbd --no-defaults --user=mysql --datadir=/srv/db --skip-grant-tables --skip-networking=0 --bind-address=0.0.0.0 --socket=/tmp/m.sock --default-storage-engine=MyISAM --innodb=OFF --ssl-cert=${CERT} --ssl-key=${KEY} --lc-messages-dir=/usr/share/mysql &`,
    ports: [{ port: 3306, protocol: 'mysql', product: 'MariaDB', version: 'told' }],
  },
  {
    name: 'mosquit',
    number: 66,
    package: 'mosquitto',
    files: { '/etc/mosquitto/lab.conf': 'listener 1883 0.0.0.0\nallow_anonymous true\n' },
    start: `user mosquitto
/usr/sbin/mosquitto -c /etc/mosquitto/lab.conf &`,
    ports: [{ port: 1883, protocol: 'mqtt', product: 'Mosquitto', version: 'told', access: 'open' }],
  },
  {
    name: 'nats',
    number: 67,
    package: 'nats-server',
    start: `/usr/sbin/nats-server -a 0.0.0.0 &`,
    ports: [{ port: 4222, protocol: 'nats', product: 'NATS', version: 'told', access: 'open' }],
  },
  {
    name: 'etcd',
    number: 68,
    package: 'etcd-server',
    start: `/usr/bin/etcd --data-dir /tmp/etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379 --log-level error &`,
    ports: [{ port: 2379, protocol: 'etcd', product: 'etcd', version: 'told', access: 'open' }],
  },
  {
    name: 'docker',
    number: 73,
    package: 'docker.io',
    // It runs no container here: no bridge, no rules for packets, a store that needs no mount, and as in a container of its
    // own, where it does without devices. It listens long before it answers.
    start: `mkdir -p /run/docker
unshare --user --map-root-user --mount /usr/sbin/dockerd -H tcp://0.0.0.0:2375 --tls=false --bridge=none --iptables=false --ip6tables=false --ip-forward=false --storage-driver=vfs --data-root=/srv/docker --log-level=error &
answers() { exec 3<>/dev/tcp/127.0.0.1/2375 && printf 'GET /_ping HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 5 grep -q OK <&3; }
for _ in $(seq 300); do answers 2>/dev/null && break; sleep 0.1; done
exec 3>&-`,
    ports: [{ port: 2375, protocol: 'docker', product: 'Docker', version: 'told', access: 'open' }],
  },
  {
    name: 'rsync',
    number: 69,
    package: 'rsync',
    files: { '/etc/lab.rsync': '[pub]\npath = /srv\nread only = yes\n' },
    start: `/usr/bin/rsync --daemon --no-detach --config=/etc/lab.rsync &`,
    ports: [{ port: 873, protocol: 'rsync', product: 'rsync' }],
  },
  {
    name: 'samba',
    number: 70,
    package: 'samba',
    files: {
      '/etc/samba/smb.conf':
        '[global]\nworkgroup = LAB\nserver signing = mandatory\nbind interfaces only = no\ndisable netbios = yes\nsmb ports = 445\nlog level = 0\n',
    },
    start: `mkdir -p /var/lib/samba/private /var/log/samba /run/samba /var/cache/samba
/usr/sbin/smbd -F --no-process-group --debug-stdout &`,
    ports: [{ port: 445, protocol: 'smb', product: 'Samba' }],
  },
  {
    name: 'xrdp',
    number: 71,
    package: 'xrdp',
    files: {
      '/etc/xrdp/lab.ini': `[Globals]
ini_version=1
port=3389
security_layer=negotiate
certificate=${CERT}
key_file=${KEY}
ssl_protocols=TLSv1.2, TLSv1.3
[Logging]
LogLevel=ERROR
EnableSyslog=false
[Xorg]
name=Xorg
lib=libxup.so
`,
    },
    start: `mkdir -p /run/xrdp /var/log
xrdp-keygen xrdp /etc/xrdp/rsakeys.ini 2048 >/dev/null
/usr/sbin/xrdp -n -c /etc/xrdp/lab.ini &`,
    ports: [{ port: 3389, protocol: 'rdp', product: 'xrdp', tls: 'starttls' }],
  },
  {
    name: 'vnc',
    number: 72,
    package: 'tightvncserver',
    also: ['xfonts-base', 'x11-xkb-utils', 'xkb-data'],
    start: `mkdir -p /tmp/.X11-unix; cd /usr/share/fonts/X11/misc
printf '2\\n6x13-ISO8859-1.pcf.gz fixed\\ncursor.pcf.gz cursor\\n' >fonts.dir
printf '\\x17\\x52\\x6b\\x06\\x23\\x4e\\x58\\x07' >/tmp/passwd
/usr/bin/Xtightvnc :1 -rfbauth /tmp/passwd -rfbport 5901 -geometry 64x64 -depth 8 -fp /usr/share/fonts/X11/misc/ &`,
    ports: [{ port: 5901, protocol: 'vnc', product: null, access: 'refused' }],
  },
];
