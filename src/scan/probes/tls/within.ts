import type { Socket } from 'node:net';
import { AppError } from '../../../model/errors/index.ts';
import type { TlsVersion } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';
import { secured } from './library.ts';

/**
 * TLS 1.3 has a word for it; servers of older TLS, and those made with Go before it knew that word (etcd and Kubernetes among
 * them), call the certificate that we did not show a bad one.
 */
const NO_CERTIFICATE = /alert (?:certificate required|bad certificate|number (?:116|42)\b)/i;

export interface Within {
  connect(): Promise<Socket>;
  /** it hung up on somebody who showed no certificate, and said so */
  wantsCertificate(): boolean;
}

/** Connections within TLS to the same port, for the probe of what speaks there. */
export function connectWithin(target: ProbeTarget, newest: TlsVersion): Within {
  let wanted = false;
  const connect = async (): Promise<Socket> => {
    const tls = await secured(target, newest, (error) => {
      if (NO_CERTIFICATE.test(error.message)) wanted = true;
    });
    if (tls) return tls;
    const { address, port } = target;
    throw new AppError('PROBE_STOPPED', { address, port, protocol: 'tls', why: 'no handshake for a look within' });
  };
  return { connect, wantsCertificate: () => wanted };
}
