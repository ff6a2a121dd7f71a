import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scan/probes/testing.ts';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const CONFIG = `
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = new
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
unique_subject = no
[any]
commonName = supplied
[responder]
extendedKeyUsage = OCSPSigning
`;

/** An authority of openssl's own, with the list and the responder that its certificates name. */
export class RealAuthority {
  readonly dir = mkdtempSync(join(tmpdir(), 'lastember-revocation-'));
  readonly address: string;
  readonly web: Server;
  /** paths that were asked for */
  readonly asked: string[] = [];
  /** instead of its files */
  answers: ((path: string) => { status: number; headers?: Record<string, string>; body?: Buffer | string }) | null =
    null;
  port = 0;
  ocspPort = 0;
  #responder: ChildProcess | null = null;

  constructor(address: string) {
    this.address = address;
    this.web = createServer((request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const said = this.answers?.(path) ?? { status: 200, body: this.#file(path) };
      response.writeHead(said.status, 'headers' in said ? said.headers : {}).end(said.body);
    });
  }

  #file(path: string): Buffer {
    try {
      return readFileSync(join(this.dir, path.slice(1)));
    } catch {
      return Buffer.alloc(0);
    }
  }

  async start(): Promise<void> {
    this.web.listen(0, this.address);
    await once(this.web, 'listening');
    this.port = (this.web.address() as AddressInfo).port;
    this.ocspPort = await freePort();
    mkdirSync(join(this.dir, 'new'));
    for (const [name, text] of Object.entries({ 'ca.cnf': CONFIG, 'index.txt': '', serial: '1001\n' }))
      writeFileSync(join(this.dir, name), text);
    this.run('req', '-x509', ...KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '30');
    await this.issue('responder', ['extendedKeyUsage=OCSPSigning']);
    this.publish();
  }

  run(...argv: string[]): void {
    execFileSync('openssl', argv, { cwd: this.dir, stdio: ['ignore', 'ignore', 'ignore'] });
  }

  /** Where its certificates say that one can ask. */
  get points(): { crl: string; ocsp: string; issuer: string } {
    const web = `http://${this.address}:${this.port}`;
    return {
      crl: `crlDistributionPoints=URI:${web}/ca.crl`,
      ocsp: `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${this.ocspPort}`,
      issuer: `authorityInfoAccess=caIssuers;URI:${web}/ca.der`,
    };
  }

  async issue(
    name: string,
    extensions: readonly string[],
  ): Promise<{ leaf: X509Certificate; issuer: X509Certificate }> {
    this.run('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(this.dir, `${name}.cnf`), [`subjectAltName=DNS:${name}`, ...extensions, ''].join('\n'));
    this.run(
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      '-notext',
      '-extfile',
      `${name}.cnf`,
    );
    const read = (file: string): X509Certificate => new X509Certificate(readFileSync(join(this.dir, file)));
    return { leaf: read(`${name}.pem`), issuer: read('ca.pem') };
  }

  revoke(name: string): void {
    this.run('ca', '-config', 'ca.cnf', '-revoke', `${name}.pem`);
  }

  /** Takes back all that it took back. */
  forget(): void {
    const index = readFileSync(join(this.dir, 'index.txt'), 'utf8');
    writeFileSync(join(this.dir, 'index.txt'), index.replace(/^R\t(\w+)\t\w+\t/gm, 'V\t$1\t\t'));
  }

  publish(days = '7'): void {
    this.run('ca', '-config', 'ca.cnf', '-gencrl', '-crldays', days, '-out', 'crl.pem');
    this.run('crl', '-in', 'crl.pem', '-outform', 'DER', '-out', 'ca.crl');
    this.run('x509', '-in', 'ca.pem', '-outform', 'DER', '-out', 'ca.der');
  }

  /** openssl's responder as the authority's database is now, signing with a certificate of its own. */
  async respond(signer: 'ca' | 'responder' = 'responder'): Promise<void> {
    this.silence();
    const file = (name: string): string => join(this.dir, name);
    const as = ['-rsigner', file(`${signer}.pem`), '-rkey', file(`${signer}.key`), '-CA', file('ca.pem')];
    const argv = ['ocsp', '-index', file('index.txt'), '-port', String(this.ocspPort), ...as, '-ndays', '1'];
    // It serves one at a time, and hangs on who connects and says nothing: so it is believed when it says that it waits.
    this.#responder = spawn('openssl', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = this.#responder.stderr!;
    for (let text = ''; !/waiting for OCSP client/i.test(text);) text += String((await once(said, 'data'))[0]);
    said.resume();
  }

  silence(): void {
    this.#responder?.kill('SIGKILL');
    this.#responder = null;
  }

  close(): void {
    this.silence();
    this.web.closeAllConnections();
    this.web.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
