import 'reflect-metadata';
import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import type { Demo } from './context.ts';

/**
 * The demo's own eyes: what a visitor of the demo's web servers sees before and after, looked at without any code of
 * the product. What the product claims is held against it.
 */
export interface Seen {
  host: string;
  address: string;
  port: number;
  /** SHA-256 of the served public key */
  spki: string;
  serial: string;
  /** session cookie that the server gave us */
  cookie: string | null;
}

interface Reply {
  status: number;
  cookie: string | null;
  certificate: DetailedPeerCertificate;
}

export function visit(address: string, port: number, path: string, cookie?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    // The servers are of 2013: TLS 1.2 at best, and an authority of the demo's own.
    const options = { host: address, port, path, rejectUnauthorized: false, agent: false, timeout: 5000 };
    const asked = request({ ...options, headers: cookie ? { cookie } : {} }, (response) => {
      const certificate = (response.socket as TLSSocket).getPeerCertificate(true);
      response.resume().on('end', () => {
        const set = response.headers['set-cookie']?.[0]?.split(';')[0] ?? null;
        resolve({ status: response.statusCode ?? 0, cookie: set, certificate });
      });
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer in 5 s')));
    asked.end();
  });
}

/** Signs in at every TLS server of the estate and remembers the key and the session it got. */
export async function lookAround({ estate }: Pick<Demo, 'estate'>): Promise<Seen[]> {
  const servers = estate.hosts.flatMap(({ name, address, spec }) =>
    spec.services.filter(({ certificate }) => certificate).map(({ port }) => ({ host: name, address, port })),
  );
  return Promise.all(
    servers.map(async (server) => {
      const { certificate, cookie } = await visit(server.address, server.port, '/login');
      const { publicKey, serialNumber } = new X509Certificate(certificate.raw);
      const spki = createHash('sha256')
        .update(publicKey.export({ format: 'der', type: 'spki' }))
        .digest('hex');
      return { ...server, spki, serial: serialNumber.toLowerCase(), cookie };
    }),
  );
}

/** Is that session still worth something there? */
export async function sessionLives({ address, port, cookie }: Seen): Promise<boolean> {
  return cookie !== null && (await visit(address, port, '/session', cookie)).status === 200;
}

/** Serials in the authority's list as it is served now, lower-case hex. */
export async function revokedSerials(crlUrl: string): Promise<Set<string>> {
  const crl = new x509.X509Crl(await (await fetch(crlUrl)).arrayBuffer());
  return new Set(crl.entries.map(({ serialNumber }) => serialNumber.toLowerCase()));
}
