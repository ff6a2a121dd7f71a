import { CERT, KEY, type ServerSpec } from './spec.ts';

/** Mail, files by FTP, directory, chat: what offers STARTTLS. */
export const MAIL: readonly ServerSpec[] = [
  {
    name: 'postfix',
    number: 31,
    package: 'postfix',
    files: {
      '/etc/postfix/main.cf': `compatibility_level = 3.6
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example
inet_protocols = ipv4
smtpd_tls_cert_file = ${CERT}
smtpd_tls_key_file = ${KEY}
smtpd_tls_security_level = may
alias_maps =
local_recipient_maps =
`,
      '/etc/postfix/master.cf': `smtp inet n - n - - smtpd
smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
`,
    },
    start: `user postfix; group postdrop
echo 'smtps 465/tcp' >>/etc/services
mkdir -p /var/lib/postfix && chown postfix /var/lib/postfix
cd /var/spool/postfix && mkdir -p active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace
chown postfix active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop
/usr/lib/postfix/sbin/master &`,
    ports: [
      { port: 25, protocol: 'smtp', product: 'Postfix', tls: 'starttls' },
      { port: 465, protocol: 'smtp', product: 'Postfix', tls: 'port' },
    ],
  },
  {
    name: 'exim',
    number: 32,
    package: 'exim4-daemon-light',
    alone: true,
    also: ['libgnutls-dane0', 'libidn12', 'libpcre2-8-0'],
    files: {
      '/etc/exim4/exim4.conf': `primary_hostname = exim.example
tls_advertise_hosts = *
tls_certificate = ${CERT}
tls_privatekey = ${KEY}
daemon_smtp_ports = 25
exim_user = Debian-exim
exim_group = Debian-exim
log_file_path = /tmp/exim-%slog
begin routers
begin transports
`,
    },
    start: `user Debian-exim
mkdir -p /var/spool/exim4 && chown -R Debian-exim /var/spool/exim4
/usr/sbin/exim4 -bdf -C /etc/exim4/exim4.conf &`,
    ports: [{ port: 25, protocol: 'smtp', product: 'Exim', version: 'told', tls: 'starttls' }],
  },
  {
    name: 'dovecot',
    number: 33,
    package: 'dovecot-core',
    also: ['dovecot-imapd', 'dovecot-pop3d'],
    files: {
      '/etc/dovecot/lab.conf': `protocols = imap pop3
log_path = /dev/stderr
ssl = yes
ssl_cert = <${CERT}
ssl_key = <${KEY}
mail_location = maildir:/tmp/mail
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
`,
      '/etc/dovecot/users': '',
    },
    start: `user dovecot; user dovenull
/usr/sbin/dovecot -F -c /etc/dovecot/lab.conf &`,
    ports: [
      { port: 143, protocol: 'imap', product: 'Dovecot', access: 'refused', tls: 'starttls' },
      { port: 110, protocol: 'pop3', product: 'Dovecot', access: 'refused', tls: 'starttls' },
      { port: 993, protocol: 'imap', product: 'Dovecot', access: 'refused', tls: 'port' },
      { port: 995, protocol: 'pop3', product: 'Dovecot', access: 'refused', tls: 'port' },
    ],
  },
  {
    name: 'vsftpd',
    number: 34,
    package: 'vsftpd',
    alone: true,
    also: ['libwrap0', 'libpam-modules'],
    files: {
      '/etc/vsftpd.conf': `listen=YES
anonymous_enable=NO
local_enable=YES
ssl_enable=YES
rsa_cert_file=${CERT}
rsa_private_key_file=${KEY}
secure_chroot_dir=/run/vsftpd
seccomp_sandbox=NO
`,
    },
    start: `mkdir -p /run/vsftpd
/usr/sbin/vsftpd /etc/vsftpd.conf &`,
    ports: [{ port: 21, protocol: 'ftp', product: 'vsftpd', version: 'told', tls: 'starttls' }],
  },
  {
    name: 'proftpd',
    number: 35,
    package: 'proftpd-core',
    files: {
      '/etc/proftpd/lab.conf': `ServerName lab
ServerType standalone
UseIPv6 off
Port 21
User nobody
Group nogroup
AuthPAM off
ScoreboardFile /run/proftpd.scoreboard
WtmpLog off
SystemLog none
TransferLog none
`,
    },
    start: `/usr/sbin/proftpd -n -c /etc/proftpd/lab.conf &`,
    ports: [{ port: 21, protocol: 'ftp', product: 'ProFTPD' }],
  },
  {
    name: 'pureftpd',
    number: 36,
    package: 'pure-ftpd',
    alone: true,
    also: ['libsodium23'],
    start: `mkdir -p /srv/ftp /home/ftp; user ftp
/usr/sbin/pure-ftpd -e -H &`,
    ports: [{ port: 21, protocol: 'ftp', product: 'Pure-FTPd' }],
  },
  {
    name: 'slapd',
    number: 37,
    package: 'slapd',
    files: {
      '/etc/ldap/lab.conf': `include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${CERT}
TLSCertificateKeyFile ${KEY}
database mdb
suffix "dc=lab,dc=example"
directory /var/lib/ldap
maxsize 1048576
`,
    },
    start: `mkdir -p /var/lib/ldap
printf 'dn: dc=lab,dc=example\\nobjectClass: dcObject\\nobjectClass: organization\\no: lab\\ndc: lab\\n' | /usr/sbin/slapadd -f /etc/ldap/lab.conf
/usr/sbin/slapd -d 0 -f /etc/ldap/lab.conf -h 'ldap:/// ldaps:///' &`,
    ports: [
      { port: 389, protocol: 'ldap', product: 'OpenLDAP', access: 'open', tls: 'starttls' },
      { port: 636, protocol: 'ldap', product: 'OpenLDAP', access: 'open', tls: 'port' },
    ],
  },
  {
    name: 'prosody',
    number: 38,
    package: 'prosody',
    also: ['lua-sec', 'lua5.2'],
    files: {
      '/etc/prosody/lab.cfg.lua': `data_path = "/tmp/prosody"
pidfile = "/tmp/prosody.pid"
log = { info = "*console" }
modules_enabled = { "roster", "saslauth", "tls", "disco" }
authentication = "internal_hashed"
ssl = { key = "${KEY}", certificate = "${CERT}" }
VirtualHost "localhost"
`,
    },
    start: `user prosody; mkdir -p /tmp/prosody; chown prosody /tmp/prosody
setpriv --reuid prosody --clear-groups /usr/bin/prosody -F --config /etc/prosody/lab.cfg.lua &`,
    ports: [
      { port: 5222, protocol: 'xmpp', product: 'Prosody', access: 'refused', tls: 'starttls' },
      { port: 5269, protocol: 'xmpp', product: 'Prosody', tls: 'starttls' },
    ],
  },
  {
    name: 'ngircd',
    number: 39,
    package: 'ngircd',
    files: {
      '/etc/ngircd/lab.conf': `[Global]
Name = irc.example
Info = lab
ServerUID = nobody
ServerGID = nogroup
[Options]
PAM = no
Ident = no
DNS = no
`,
    },
    start: `/usr/sbin/ngircd -n -f /etc/ngircd/lab.conf &`,
    ports: [{ port: 6667, protocol: 'irc', product: 'ngIRCd' }],
  },
];
