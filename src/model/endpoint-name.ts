import type { Transport } from './estate.ts';

/** How a port is called: `443`, and `53/udp` where it is not TCP. */
export const portName = ({ port, transport }: { port: number; transport?: Transport | undefined }): string =>
  transport === 'udp' ? `${port}/udp` : String(port);

/** How an endpoint is called everywhere: `192.0.2.1:443`, `[2001:db8::1]:443`, `192.0.2.1:53/udp`. */
export const endpointName = (at: { address: string; port: number; transport?: Transport | undefined }): string =>
  `${at.address.includes(':') ? `[${at.address}]` : at.address}:${portName(at)}`;
