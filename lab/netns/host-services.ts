/** What hosts of the table run beside packaged software. */
import { publish } from './checks/tables/archives.ts';
import type { HostSpec } from './spec.ts';

type Parts = Pick<HostSpec, 'files' | 'setup'>;

/** An nginx site with a certificate and key of the host's own. */
export function tlsSite(name: string): Parts {
  const tls = `/etc/nginx/tls/${name}`;
  return {
    files: {
      '/etc/nginx/sites-enabled/default': `server {
    listen 443 ssl;
    server_name ${name};
    ssl_certificate ${tls}.crt;
    ssl_certificate_key ${tls}.key;
    root /var/www/html;
}
server {
    listen 80;
    server_name ${name};
    return 301 https://$host$request_uri;
}
`,
      '/var/www/html/index.html': `<!doctype html><title>${name}</title><p>This is ${name}.\n`,
    },
    setup: `mkdir -p /etc/nginx/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \\
  -subj /CN=${name} -addext subjectAltName=DNS:${name} -keyout ${tls}.key -out ${tls}.crt 2>/dev/null
chmod 600 ${tls}.key`,
  };
}

/** Passes HTTP on from one address to another: how a host behind the bastion gets packages. */
export function relay(listen: string, to: string): Parts {
  const site = `server {
    listen ${listen};
    location / {
        proxy_pass http://${to};
        proxy_buffering off;
    }
}
`;
  return { files: { '/etc/nginx/sites-enabled/default': site } };
}

/** A program of the host's own with an init script, as packaged software has one. */
export function ownService(name: string, program: string): Parts {
  return {
    files: {
      [`/opt/${name}/${name}`]: { text: program, mode: 0o755 },
      [`/etc/init.d/${name}`]: { text: initScript(name), mode: 0o755 },
    },
    setup: `useradd --system --home-dir /opt/${name} --shell /usr/sbin/nologin ${name}\nupdate-rc.d ${name} defaults`,
  };
}

const initScript = (name: string): string => `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${name}
# Required-Start:    $network
# Required-Stop:     $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: ${name}
### END INIT INFO
. /lib/lsb/init-functions
pid=/run/${name}.pid
run() { start-stop-daemon --quiet --pidfile "$pid" "$@"; }
case "$1" in
start) run --start --oknodo --background --make-pidfile --chuid ${name} --startas /opt/${name}/${name} ;;
stop) run --stop --oknodo --retry 5 --remove-pidfile ;;
restart | force-reload) "$0" stop && "$0" start ;;
status) status_of_proc -p "$pid" /opt/${name}/${name} ${name} ;;
*) echo "Usage: $0 {start|stop|restart|force-reload|status}" && exit 2 ;;
esac
`;

/** Keeps connections to its database and talks to the web site, over and over; answers on port 8000. */
export const SHOP = `#!/usr/bin/python3
import http.server, ssl, threading, time, urllib.request
import psycopg2

CONNECTIONS = 3
served = {"database": 0, "site": 0}

def database():
    while True:
        try:
            with psycopg2.connect("host=db1 dbname=shop user=shop password=shop-db1 connect_timeout=3") as kept:
                while True:
                    with kept.cursor() as cursor:
                        cursor.execute("SELECT count(*) FROM orders")
                        cursor.fetchone()
                    kept.commit()
                    served["database"] += 1
                    time.sleep(2)
        except Exception as error:
            print(error, flush=True)
            time.sleep(1)

def site():
    context = ssl._create_unverified_context()
    while True:
        try:
            urllib.request.urlopen("https://web1/", timeout=3, context=context).read()
            served["site"] += 1
        except Exception as error:
            print(error, flush=True)
        time.sleep(2)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = repr(served).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

for work in [database] * CONNECTIONS + [site]:
    threading.Thread(target=work, daemon=True).start()
http.server.ThreadingHTTPServer(("", 8000), Answer).serve_forever()
`;

/** A database that app1 may use, and nobody else. */
export const SHOP_DATABASE = `conf=$(echo /etc/postgresql/*/main)
echo "listen_addresses = '*'" >"$conf/conf.d/lab.conf"
echo 'host shop shop samenet scram-sha-256' >>"$conf/pg_hba.conf"
service postgresql start
runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE shop LOGIN PASSWORD 'shop-db1';
CREATE DATABASE shop OWNER shop;
\\c shop
SET ROLE shop;
CREATE TABLE orders (id serial PRIMARY KEY, placed timestamptz DEFAULT now());
SQL`;

/** All but a few megabytes of the disk is taken by something that nobody rotated. */
export const FILL_DISK = `left=$(df --output=avail -k / | tail -1)
fallocate -l $((left - 6144))K /var/log/orders.log.1`;

/** One package whose configuration fails each time, one unpacked and left, one that must not be upgraded. */
export const BREAK_APT = `build() {
  mkdir -p /tmp/$1/DEBIAN /tmp/$1/usr/share/$1
  printf 'Package: %s\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\nDescription: %s\\n' \\
    "$1" "$1" >/tmp/$1/DEBIAN/control
  printf '#!/bin/sh\\n%s\\n' "$2" >/tmp/$1/DEBIAN/postinst
  chmod 755 /tmp/$1/DEBIAN/postinst
  dpkg-deb --build /tmp/$1 /tmp/$1.deb >/dev/null
}
build inventory-agent 'echo "cannot reach the inventory server" >&2; exit 1'
build report-fonts 'exit 0'
dpkg --install /tmp/inventory-agent.deb 2>/dev/null || true
dpkg --unpack /tmp/report-fonts.deb
apt-mark hold nginx-light`;

const SECURITY = { dir: '/srv/security', origin: 'Debian', label: 'Debian-Security', suite: '-security' };

/** That kernel of built/index.ts is what it has, and the one without holes is in its only archive. */
export const newerKernelPending = (flavour: string): string => `dpkg --install /srv/kernels/${flavour}/*.deb >/dev/null
mkdir -p ${SECURITY.dir}
cp /srv/kernels/whole/*.deb ${SECURITY.dir}
rm -f /etc/apt/sources.list.d/*
${publish(SECURITY)}
apt-get -qq update`;
