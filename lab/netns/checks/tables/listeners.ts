import { NETWORK } from '../../spec.ts';
import type { Group, Trial } from '../spec.ts';

/** Of the host that is made bad. */
export const ADDRESS = `${NETWORK}.0.25`;
export const DIR = '/srv/tls';
const GOOD = `subjectAltName=IP:${ADDRESS}`;

/** A server of its own, so that it can be stopped by its id and another one take its port. */
export const start = (port: number, command: string): string =>
  `{ setsid ${command} </dev/null >/srv/${port}.log 2>&1 & echo $! >/run/bad-${port}.pid; }`;
export const stop = (port: number): string =>
  `kill $(cat /run/bad-${port}.pid); while kill -0 $(cat /run/bad-${port}.pid) 2>/dev/null; do sleep 0.1; done`;

interface Cert {
  bits?: number;
  days?: number;
  extension?: string;
}
export const selfSigned = (port: number, { bits = 2048, days = 365, extension = GOOD }: Cert = {}): string =>
  `mkdir -p ${DIR} && openssl req -x509 -newkey rsa:${bits} -nodes -keyout ${DIR}/${port}.key -out ${DIR}/${port}.pem ` +
  `-subj /CN=bad1 -days ${days} -addext '${extension}' 2>/dev/null`;
const CA = `openssl req -x509 -newkey rsa:2048 -nodes -keyout ${DIR}/ca.key -out ${DIR}/ca.pem -subj /CN=lab -days 365 2>/dev/null`;
const issued = (port: number, digest: string): string =>
  `mkdir -p ${DIR} && ${CA} && openssl req -newkey rsa:2048 -nodes -keyout ${DIR}/${port}.key -out ${DIR}/${port}.csr -subj /CN=bad1 2>/dev/null && ` +
  `echo '${GOOD}' >${DIR}/${port}.ext && openssl x509 -req -${digest} -in ${DIR}/${port}.csr -CA ${DIR}/ca.pem -CAkey ${DIR}/ca.key ` +
  `-set_serial ${port} -days 365 -extfile ${DIR}/${port}.ext -out ${DIR}/${port}.pem 2>/dev/null`;
const tls = (port: number, options = ''): string =>
  start(port, `openssl s_server -www -accept ${port} -key ${DIR}/${port}.key -cert ${DIR}/${port}.pem ${options}`);

/** Our own OpenSSL, which can compress. */
const COMPRESSING = '/srv/openssl-zlib';
const compressing = (port: number, options = ''): string =>
  start(
    port,
    `${COMPRESSING} s_server -www -accept ${port} -key ${DIR}/${port}.key -cert ${DIR}/${port}.pem ${options}`,
  );

interface Bad {
  cert?: string;
  options?: string;
  /** instead of openssl's server */
  server?: string;
  good?: string;
}
/** Whoever runs the server sets it right: another certificate or other settings, and a new start. */
function listener(check: string, port: number, { cert, options, server, good }: Bad): Trial {
  return {
    check,
    port,
    bad: `${cert ?? selfSigned(port)} && ${server ?? tls(port, options)}`,
    byHand: `${stop(port)}; ${good ?? `${selfSigned(port)} && ${tls(port)}`} && sleep 1`,
  };
}

/** The second Oakley group (RFC 2409 §6.2): 1024 bits. */
const GROUP = `-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----`;

const hygiene = (check: string, port: number, bad: Bad): Trial => listener(`tls-hygiene/${check}`, port, bad);

export const TLS: Group = {
  title: 'what servers say within TLS',
  settle: 'sleep 2',
  trials: [
    hygiene('no-current-version', 8441, { options: '-tls1_1 -cipher ALL:@SECLEVEL=0' }),
    hygiene('certificate-expiry', 8442, { cert: selfSigned(8442, { days: 3 }) }),
    hygiene('weak-ciphers', 8443, { options: '-tls1_2 -cipher aNULL:eNULL:AES128-SHA:@SECLEVEL=0' }),
    hygiene('no-forward-secrecy', 8444, { options: '-tls1_2 -cipher AES128-SHA' }),
    hygiene('weak-dh-group', 8445, {
      cert: `${selfSigned(8445)} && echo '${GROUP}' >${DIR}/dh.pem`,
      options: `-tls1_2 -cipher DHE-RSA-AES128-SHA:@SECLEVEL=0 -dhparam ${DIR}/dh.pem`,
    }),
    hygiene('weak-key', 8446, {
      cert: selfSigned(8446, { bits: 1024 }),
      options: '-cipher DEFAULT:@SECLEVEL=0',
    }),
    hygiene('weak-signature', 8447, {
      cert: issued(8447, 'sha1'),
      options: '-cipher DEFAULT:@SECLEVEL=0',
      good: `${issued(8447, 'sha256')} && ${tls(8447)}`,
    }),
    // As servers were before RFC 5746.
    hygiene('insecure-renegotiation', 8449, {
      server: start(
        8449,
        `gnutls-serv --http --port 8449 --x509keyfile ${DIR}/8449.key --x509certfile ${DIR}/8449.pem --priority NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION`,
      ),
    }),
    {
      ...hygiene('compression', 8450, { server: compressing(8450, '-comp'), good: compressing(8450) }),
      // What a client that offers it has agreed on.
      proof: `said=$(echo | ${COMPRESSING} s_client -comp -tls1_2 -connect ${ADDRESS}:8450 2>/dev/null) || exit 2; echo "$said" | grep -q '^Compression: zlib'`,
    },
    hygiene('hostname-mismatch', 8448, { cert: selfSigned(8448, { extension: 'subjectAltName=IP:192.0.2.1' }) }),
  ],
  ports: [8441, 8442, 8443, 8444, 8445, 8446, 8447, 8448, 8449, 8450],
};

/** Where the runtime of 2013 is put: nothing younger speaks these. */
export const OLD_RUNTIME = '/srv/old-node';
/** The last one of that line. */
export const FIXED_RUNTIME = '/srv/fixed-node';

/** A server for either, at that port. */
export const https = (port: number): string =>
  `${selfSigned(port)} && printf "var fs=require('fs');require('https').createServer({key:fs.readFileSync('${DIR}/${port}.key'),cert:fs.readFileSync('${DIR}/${port}.pem'),ciphers:'ALL:SSLv2'}).listen(${port})" >/srv/${port}.js`;
const old = (check: string, port: number): Trial => ({
  ...listener(check, port, {
    cert: https(port),
    server: start(port, `${OLD_RUNTIME} /srv/${port}.js`),
  }),
  where: `test -x ${OLD_RUNTIME}`,
  else: 'the old runtime could not be fetched, and nothing younger speaks it',
});

export const OLD_TLS: Group = {
  title: 'what only old servers speak',
  settle: 'sleep 2',
  trials: [old('sslv2-3/sslv2', 8461), old('sslv2-3/sslv3', 8462), old('tls-hygiene/triple-des', 8463)],
  ports: [8461, 8462, 8463],
};

const open = (check: string, port: number, bad: string, good: string): Trial => ({
  check: `open-services/${check}`,
  port,
  bad,
  byHand: `${stop(port)}; ${good} && sleep 2`,
});

const redis = (lock: string): string => start(6379, `redis-server --bind 0.0.0.0 --save '' ${lock}`);
const mosquitto = (...lines: string[]): string =>
  `printf '${['listener 1883 0.0.0.0', ...lines].join('\\n')}\\n' >/etc/mosquitto/bad.conf && ${start(1883, 'mosquitto -c /etc/mosquitto/bad.conf')}`;
const named = (who: string): string =>
  `printf 'options { directory "/var/cache/bind"; listen-on { any; }; listen-on-v6 { none; }; recursion yes; allow-recursion { ${who}; }; allow-query-cache { ${who}; }; dnssec-validation no; };\\n' >/etc/bind/bad.conf && ${start(53, 'named -f -u bind -c /etc/bind/bad.conf')}`;
const FONTS = '/usr/share/fonts/X11/misc';
const vnc = (lock: string): string =>
  start(5901, `Xtightvnc :1 ${lock} -rfbport 5901 -geometry 64x64 -depth 8 -fp ${FONTS}/`);

const ETCD = 'etcd --data-dir /srv/etcd --log-level error';
const etcd = (scheme: string, lock = ''): string =>
  start(
    2379,
    `${ETCD} --listen-client-urls ${scheme}://0.0.0.0:2379 --advertise-client-urls ${scheme}://${ADDRESS}:2379 ${lock}`,
  );
const CERTIFICATES = `--cert-file ${DIR}/2379.pem --key-file ${DIR}/2379.key --trusted-ca-file ${DIR}/2379.pem --client-cert-auth`;

const snmpd = (...lines: string[]): string =>
  `printf '${lines.join('\n')}\n' >/srv/snmpd.conf && ${start(161, 'snmpd -f -Lo -C -c /srv/snmpd.conf udp:0.0.0.0:161')}`;

/** Its password, as the server keeps it. */
const PASSWORD = `printf '\\x17\\x52\\x6b\\x06\\x23\\x4e\\x58\\x07' >/srv/vnc`;

export const OPEN: Group = {
  title: 'what serves whoever asks',
  settle: 'sleep 3',
  trials: [
    open('database', 6379, redis('--protected-mode no'), redis('--requirepass lab')),
    open(
      'message-broker',
      1883,
      mosquitto('allow_anonymous true'),
      `touch /etc/mosquitto/nobody && ${mosquitto('allow_anonymous false', 'password_file /etc/mosquitto/nobody')}`,
    ),
    open('amplifier', 53, named('any'), named('none')),
    open('control-plane', 2379, etcd('http'), `${selfSigned(2379)} && ${etcd('https', CERTIFICATES)}`),
    open(
      'files',
      161,
      `systemctl stop snmpd; ${snmpd('rocommunity public')}`,
      snmpd('createUser lab SHA lab-password', 'rouser lab'),
    ),
    open(
      'remote-screen',
      5901,
      `mkdir -p /tmp/.X11-unix && cd ${FONTS} && printf '2\\n6x13-ISO8859-1.pcf.gz fixed\\ncursor.pcf.gz cursor\\n' >fonts.dir && ${vnc('')}`,
      `${PASSWORD} && ${vnc('-rfbauth /srv/vnc')}`,
    ),
  ],
  ports: [53, 1883, 2379, 5901, 6379],
  udp: [161],
};
