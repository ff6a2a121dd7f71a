import type { Socket } from 'node:net';
import { type DetailedPeerCertificate, type TLSSocket, connect } from 'node:tls';
import type { TlsVersion } from '../../../model/probe.ts';
import { mustStaple } from '../../logic/tls-feature.ts';
import type { ProbeTarget } from '../contract.ts';

export interface LibraryHandshake {
  protocol: string;
  cipher: string;
  chain: Buffer[];
  /** an OCSP response, base64 */
  stapled: string | null;
}

/** Longer no response about one certificate is. */
const LONGEST_STAPLE = 16_384;

const HANDSHAKE_MS = 4000;
const MIN = { 'TLSv1.0': 'TLSv1', 'TLSv1.1': 'TLSv1.1', 'TLSv1.2': 'TLSv1.2', 'TLSv1.3': 'TLSv1.3' } as const;

/**
 * A whole handshake by Node's TLS: the server shows that it has the key, and in TLS 1.3 it is the only way to see the
 * certificate. Nothing is trusted: old protocols, short keys and unknown issuers are what we came to see. Null when
 * this library and that server find nothing in common.
 */
export async function libraryHandshake(target: ProbeTarget, newest: TlsVersion): Promise<LibraryHandshake | null> {
  const first = await shakeOnce(target, newest);
  // Servers that ask for the response when the first client wants it have it for the second.
  const isOwed = first !== null && first.stapled === null && first.chain[0] !== undefined && mustStaple(first.chain[0]);
  return (isOwed ? await shakeOnce(target, newest) : null) ?? first;
}

/** The chain that it shows to `target.serverName`; `refused`: it says that it does not know that name. Null as above. */
export async function shownTo(target: ProbeTarget, newest: TlsVersion): Promise<Buffer[] | 'refused' | null> {
  let isRefused = false;
  const tls = await secured(target, newest, (error) => {
    if (/alert (unrecognized name|number 112)/i.test(error.message)) isRefused = true;
  });
  const chain = tls && chainOf(tls);
  tls?.destroy();
  return chain ?? (isRefused ? 'refused' : null);
}

async function shakeOnce(target: ProbeTarget, newest: TlsVersion): Promise<LibraryHandshake | null> {
  let stapled: string | null = null;
  const tls = await secured(target, newest, undefined, (response) => {
    if (response && response.length <= LONGEST_STAPLE) stapled = response.toString('base64');
  });
  const seen = tls && { ...describe(tls), stapled };
  tls?.destroy();
  return seen;
}

/** A connection within TLS, as untrusting; `failed` hears what goes wrong with it, then and later. Null as above. */
export async function secured(
  target: ProbeTarget,
  newest: TlsVersion,
  failed: (error: Error) => void = () => undefined,
  stapled?: (response: Buffer | null) => void,
): Promise<TLSSocket | null> {
  if (newest === 'SSLv3') return null;
  const socket = await target.connect();
  const ms = Math.min(HANDSHAKE_MS, target.left());
  const tls = await shake(socket, ms, newest, { failed, stapled, serverName: target.serverName });
  if (!tls) socket.destroy();
  return tls;
}

function shake(
  socket: Socket,
  ms: number,
  newest: Exclude<TlsVersion, 'SSLv3'>,
  tell: {
    failed: (error: Error) => void;
    stapled: ((response: Buffer | null) => void) | undefined;
    serverName: string | undefined;
  },
): Promise<TLSSocket | null> {
  return new Promise((resolve) => {
    const tls = connect({
      socket,
      ...(tell.serverName === undefined ? {} : { servername: tell.serverName }),
      rejectUnauthorized: false,
      minVersion: MIN[newest],
      maxVersion: MIN[newest],
      ciphers: 'ALL:@SECLEVEL=0',
      // Old servers with a weak Diffie-Hellman group are exactly what we are here for.
      minDHSize: 512,
      ALPNProtocols: [],
      requestOCSP: tell.stapled !== undefined,
    });
    const timer = setTimeout(() => done(null), ms);
    const done = (result: TLSSocket | null): void => {
      clearTimeout(timer);
      if (!result) tls.destroy();
      resolve(result);
    };
    tls.once('secureConnect', () => done(tls));
    tls.on('error', (error) => {
      tell.failed(error);
      done(null);
    });
    if (tell.stapled) tls.once('OCSPResponse', tell.stapled);
    tls.once('close', () => {
      socket.destroy();
      done(null);
    });
  });
}

function describe(tls: TLSSocket): Omit<LibraryHandshake, 'stapled'> {
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
