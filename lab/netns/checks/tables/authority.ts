import type { Group, Trial } from '../spec.ts';
import { ADDRESS, DIR, start, stop } from './listeners.ts';

const CA_DIR = `${DIR}/ca`;
const RESPONDER = 8888;
const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';

/** An authority that the host itself plays, made once. */
const CA = `mkdir -p ${CA_DIR}; [ -e ${CA_DIR}/ca.pem ] || openssl req -x509 ${KEY} -keyout ${CA_DIR}/ca.key -out ${CA_DIR}/ca.pem -subj '/CN=lab authority' -days 30 2>/dev/null`;

/** A certificate of that authority, by its serial number. */
const issue = (serial: string, ...extensions: string[]): string =>
  `printf '%s\\n' 'subjectAltName=IP:${ADDRESS}' ${extensions.map((one) => `'${one}'`).join(' ')} >${CA_DIR}/${serial}.ext
openssl req ${KEY} -keyout ${CA_DIR}/${serial}.key -out ${CA_DIR}/${serial}.csr -subj /CN=bad1 2>/dev/null
openssl x509 -req -in ${CA_DIR}/${serial}.csr -CA ${CA_DIR}/ca.pem -CAkey ${CA_DIR}/ca.key -set_serial 0x${serial} -days 30 -extfile ${CA_DIR}/${serial}.ext -out ${CA_DIR}/${serial}.pem 2>/dev/null`;

/** What the authority knows of its certificates, as openssl keeps it. */
const index = (...lines: (readonly [serial: string, isRevoked: boolean])[]): string =>
  `printf '${lines
    .map(
      ([serial, isRevoked]) =>
        `${isRevoked ? 'R\\t491231235959Z\\t250101000000Z' : 'V\\t491231235959Z\\t'}\\t${serial}\\tunknown\\t/CN=${serial}\\n`,
    )
    .join('')}' >${CA_DIR}/index.txt`;

const SIGNER = `-index ${CA_DIR}/index.txt -CA ${CA_DIR}/ca.pem -rsigner ${CA_DIR}/ca.pem -rkey ${CA_DIR}/ca.key -ndays 7`;

const serve = (port: number, serial: string, options = ''): string =>
  start(
    port,
    `openssl s_server -www -accept ${port} -key ${CA_DIR}/${serial}.key -cert ${CA_DIR}/${serial}.pem -cert_chain ${CA_DIR}/ca.pem ${options}`,
  );

/** It wants a response shown beside it, and its server has none; then one that the authority signed. */
const MUST_STAPLE: Trial = {
  check: 'tls-hygiene/must-staple',
  port: 8451,
  bad: `${CA}\n${issue('1001', 'tlsfeature=status_request')}\n${serve(8451, '1001')}`,
  byHand: `${index(['1001', false], ['1002', true], ['1003', false])}
openssl ocsp ${SIGNER} -issuer ${CA_DIR}/ca.pem -cert ${CA_DIR}/1001.pem -no_nonce -reqout ${CA_DIR}/1001.req >/dev/null 2>&1
openssl ocsp ${SIGNER} -reqin ${CA_DIR}/1001.req -respout ${CA_DIR}/1001.ocsp >/dev/null 2>&1
${stop(8451)}; ${serve(8451, '1001', `-status_file ${CA_DIR}/1001.ocsp`)} && sleep 1`,
};

const ASKED = `authorityInfoAccess=OCSP;URI:http://${ADDRESS}:${RESPONDER}`;

/** Its authority, asked over HTTP, says that it took it back; then another one is served. */
const REVOKED: Trial = {
  check: 'tls-hygiene/revoked-but-served',
  port: 8452,
  bad: `${CA}\n${issue('1002', ASKED)}\n${issue('1003', ASKED)}\n${index(['1002', true], ['1003', false])}
${start(RESPONDER, `openssl ocsp -port ${RESPONDER} ${SIGNER}`)}
${serve(8452, '1002')}`,
  byHand: `${stop(8452)}; ${serve(8452, '1003')} && sleep 1`,
};

export const AUTHORITY: Group = {
  title: 'what an authority says of served certificates',
  settle: 'sleep 2',
  trials: [MUST_STAPLE, REVOKED],
  ports: [8451, 8452],
};
