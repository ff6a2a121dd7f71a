import type { Socket } from 'node:net';
import { type DetailedPeerCertificate, type TLSSocket, connect } from 'node:tls';
import type { TlsVersion } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';

export interface LibraryHandshake {
  protocol: string;
  cipher: string;
  chain: Buffer[];
}

const HANDSHAKE_MS = 4000;
const MIN = { 'TLSv1.0': 'TLSv1', 'TLSv1.1': 'TLSv1.1', 'TLSv1.2': 'TLSv1.2', 'TLSv1.3': 'TLSv1.3' } as const;

/**
 * A whole handshake by Node's TLS: the server shows that it has the key, and in TLS 1.3 it is the only way to see the
 * certificate. Nothing is trusted: old protocols, short keys and unknown issuers are what we came to see. Null when
 * this library and that server find nothing in common.
 */
export async function libraryHandshake(target: ProbeTarget, newest: TlsVersion): Promise<LibraryHandshake | null> {
  if (newest === 'SSLv3') return null;
  const socket = await target.connect();
  try {
    return await shake(socket, Math.min(HANDSHAKE_MS, target.left()), newest);
  } finally {
    socket.destroy();
  }
}

function shake(socket: Socket, ms: number, newest: Exclude<TlsVersion, 'SSLv3'>): Promise<LibraryHandshake | null> {
  return new Promise((resolve) => {
    const tls = connect({
      socket,
      rejectUnauthorized: false,
      minVersion: MIN[newest],
      maxVersion: MIN[newest],
      ciphers: 'ALL:@SECLEVEL=0',
      // Old servers with a weak Diffie-Hellman group are exactly what we are here for.
      minDHSize: 512,
      ALPNProtocols: [],
    });
    const timer = setTimeout(() => done(null), ms);
    const done = (result: LibraryHandshake | null): void => {
      clearTimeout(timer);
      tls.destroy();
      resolve(result);
    };
    tls.once('secureConnect', () => done(describe(tls)));
    tls.on('error', () => done(null));
    tls.once('close', () => done(null));
  });
}

function describe(tls: TLSSocket): LibraryHandshake {
  return { protocol: tls.getProtocol() ?? '', cipher: tls.getCipher().name, chain: chainOf(tls) };
}

function chainOf(tls: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let at: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true);
  while (at?.raw && !chain.some((seen) => seen.equals(at!.raw))) {
    chain.push(at.raw);
    at = at.issuerCertificate;
  }
  return chain;
}
