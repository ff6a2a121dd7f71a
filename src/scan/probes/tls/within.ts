import type { Socket } from 'node:net';
import { AppError } from '../../../model/errors/index.ts';
import type { TlsVersion } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';
import { secured } from './library.ts';

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
      if (/alert (certificate required|number 116)/i.test(error.message)) wanted = true;
    });
    if (tls) return tls;
    const { address, port } = target;
    throw new AppError('PROBE_STOPPED', { address, port, protocol: 'tls', why: 'no handshake for a look within' });
  };
  return { connect, wantsCertificate: () => wanted };
}
