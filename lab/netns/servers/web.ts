import { CERT, KEY, type ServerSpec } from './spec.ts';

/** Shells, web servers and what speaks HTTP. */
export const WEB: readonly ServerSpec[] = [
  {
    name: 'openssh',
    number: 41,
    package: 'openssh-server',
    start: `user sshd; mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
/usr/sbin/sshd -D -f /dev/null -h /etc/ssh/ssh_host_ed25519_key &`,
    ports: [{ port: 22, protocol: 'ssh', product: 'OpenSSH', version: 'told' }],
  },
  {
    name: 'dropbear',
    number: 42,
    package: 'dropbear-bin',
    start: `mkdir -p /etc/dropbear
dropbearkey -t ed25519 -f /etc/dropbear/key >/dev/null
/usr/sbin/dropbear -F -E -r /etc/dropbear/key -p 22 &`,
    ports: [{ port: 22, protocol: 'ssh', product: 'Dropbear', version: 'told' }],
  },
  {
    name: 'nginx',
    number: 43,
    package: 'nginx-core',
    files: {
      '/etc/nginx/lab.conf': `daemon off;
worker_processes 1;
error_log stderr;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  server { listen 80; listen 443 ssl; ssl_certificate ${CERT}; ssl_certificate_key ${KEY}; location / { return 200 "lab"; } }
}
`,
    },
    start: `mkdir -p /var/lib/nginx /var/log/nginx
/usr/sbin/nginx -c /etc/nginx/lab.conf &`,
    ports: [
      { port: 80, protocol: 'http', product: 'nginx', version: 'told' },
      { port: 443, protocol: 'http', product: 'nginx', version: 'told', tls: 'port' },
    ],
  },
  {
    name: 'apache',
    number: 44,
    package: 'apache2-bin',
    files: {
      '/etc/apache2/lab.conf': `ServerName lab.example
PidFile /run/apache.pid
ErrorLog /dev/stderr
User www-data
Group www-data
${['mpm_event', 'authz_core', 'ssl', 'socache_shmcb'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerLimit 1
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
Mutex pthread
Listen 80
Listen 443
DocumentRoot /var/www
<VirtualHost *:443>
SSLEngine on
SSLCertificateFile ${CERT}
SSLCertificateKeyFile ${KEY}
</VirtualHost>
`,
    },
    start: `mkdir -p /var/www
/usr/sbin/apache2 -DFOREGROUND -f /etc/apache2/lab.conf &`,
    ports: [
      { port: 80, protocol: 'http', product: 'Apache httpd', version: 'told' },
      { port: 443, protocol: 'http', product: 'Apache httpd', version: 'told', tls: 'port' },
    ],
  },
  {
    name: 'lighttpd',
    number: 45,
    package: 'lighttpd',
    also: ['lighttpd-mod-openssl'],
    files: {
      '/etc/lighttpd/lab.conf': `server.modules = ("mod_openssl")
server.document-root = "/var/www"
server.port = 80
ssl.pemfile = "${CERT}"
ssl.privkey = "${KEY}"
$SERVER["socket"] == ":443" { ssl.engine = "enable" }
`,
    },
    start: `mkdir -p /var/www
/usr/sbin/lighttpd -D -f /etc/lighttpd/lab.conf &`,
    ports: [
      { port: 80, protocol: 'http', product: 'lighttpd', version: 'told' },
      { port: 443, protocol: 'http', product: 'lighttpd', version: 'told', tls: 'port' },
    ],
  },
  {
    name: 'squid',
    number: 46,
    package: 'squid',
    files: {
      '/etc/squid/lab.conf': `http_port 3128
http_access deny all
visible_hostname proxy.example
access_log none
cache_log /dev/null
pid_filename /run/squid.pid
cache_mem 8 MB
max_filedescriptors 256
`,
    },
    start: `user proxy
/usr/sbin/squid -N -f /etc/squid/lab.conf &`,
    ports: [{ port: 3128, protocol: 'http', product: 'Squid', version: 'told' }],
  },
  {
    name: 'tinyprox',
    number: 47,
    package: 'tinyproxy-bin',
    files: {
      '/etc/tinyproxy/lab.conf': 'User nobody\nGroup nogroup\nPort 8888\nTimeout 60\nMaxClients 10\nAllow 127.0.0.1\n',
    },
    start: `/usr/bin/tinyproxy -d -c /etc/tinyproxy/lab.conf &`,
    ports: [{ port: 8888, protocol: 'http', product: 'Tinyproxy', version: 'told' }],
  },
  {
    name: 'icecast',
    number: 48,
    package: 'icecast2',
    files: {
      '/etc/icecast2/lab.xml': `<icecast><hostname>radio.example</hostname>
<limits><clients>10</clients><sources>1</sources></limits>
<authentication><source-password>x</source-password><admin-user>a</admin-user><admin-password>y</admin-password></authentication>
<listen-socket><port>8000</port></listen-socket>
<paths><basedir>/usr/share/icecast2</basedir><logdir>/tmp</logdir><webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>
<security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security></icecast>
`,
    },
    start: `/usr/bin/icecast2 -c /etc/icecast2/lab.xml &`,
    ports: [{ port: 8000, protocol: 'http', product: 'Icecast', version: 'told' }],
  },
  {
    name: 'cups',
    number: 49,
    package: 'cups-daemon',
    files: {
      '/etc/cups/lab.conf': `Listen 0.0.0.0:631
LogLevel warn
DefaultAuthType None
ServerAlias *
<Location />
Allow all
</Location>
`,
      '/etc/cups/cups-files.conf': `AccessLog /dev/null
ErrorLog stderr
PageLog /dev/null
SystemGroup lpadmin
User lp
Group lp
FatalErrors none
`,
    },
    start: `group lpadmin; mkdir -p /run/cups /var/spool/cups/tmp /var/cache/cups /var/log/cups /usr/share/cups
/usr/sbin/cupsd -f -c /etc/cups/lab.conf &`,
    ports: [{ port: 631, protocol: 'http', product: 'CUPS', version: 'told', tls: 'port' }],
  },
];
