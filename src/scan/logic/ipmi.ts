/** Just enough of IPMI over LAN (RMCP): is anybody there, and by which ways may one log in. */
const ASF_IANA = [0, 0, 0x11, 0xbe];
const TAG = 0x6c;

/** ASF presence ping (DSP0136 §3.2.4.2). */
export const PRESENCE_PING = Buffer.from([6, 0, 0xff, 6, ...ASF_IANA, 0x80, TAG, 0, 0]);

/** Get Channel Authentication Capabilities (IPMI 2.0 §22.13), before any session: this channel, as administrator. */
export const CAPABILITIES_QUERY = ((): Buffer => {
  const address = [0x20, 6 << 2];
  const body = [0x81, TAG & 0xfc, 0x38, 0x8e, 4];
  const message = [...address, checksum(address), ...body, checksum(body)];
  return Buffer.from([6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, message.length, ...message]);
})();

function checksum(bytes: readonly number[]): number {
  return (0x100 - (bytes.reduce((sum, byte) => sum + byte, 0) & 0xff)) & 0xff;
}

export interface Pong {
  ipmi: boolean;
}

export function readPong(bytes: Buffer): Pong | null {
  if (bytes.length < 21 || bytes[0] !== 6 || bytes[3] !== 6 || bytes[8] !== 0x40) return null;
  return { ipmi: (bytes[20]! & 0x80) !== 0 };
}

export interface Capabilities {
  /** ways to prove who one is; `none` wants no proof */
  ways: string[];
  /** somebody with an empty name may log in */
  emptyName: boolean;
  anonymous: boolean;
  version2: boolean;
}

const WAYS: readonly [bit: number, name: string][] = [
  [1, 'none'],
  [2, 'MD2'],
  [4, 'MD5'],
  [16, 'password in the clear'],
  [32, 'OEM'],
];

export function readCapabilities(bytes: Buffer): Capabilities | null {
  // Behind the RMCP header and a session header without proof: addresses, command, completion code, channel, then these.
  const at = bytes[4] === 0 ? 14 : 30;
  if (bytes.length < at + 12 || bytes[0] !== 6 || bytes[3] !== 7 || bytes[at + 5] !== 0x38 || bytes[at + 6] !== 0)
    return null;
  const [kinds, logins, extended] = [bytes[at + 8]!, bytes[at + 9]!, bytes[at + 10]!];
  return {
    ways: WAYS.flatMap(([bit, name]) => (kinds & bit ? [name] : [])),
    emptyName: (logins & 2) !== 0,
    anonymous: (logins & 1) !== 0,
    version2: (kinds & 0x80) !== 0 && (extended & 2) !== 0,
  };
}
