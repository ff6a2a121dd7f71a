/** Just enough of SMB to ask which dialects a server speaks, and what NTLM says of it ([MS-SMB2], [MS-NLMP]). */
export const DIALECTS = { 0x0202: '2.0.2', 0x0210: '2.1', 0x0300: '3.0', 0x0302: '3.0.2' } as const;
const SIGNING_REQUIRED = 2;

const netbios = (message: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(message.length);
  return Buffer.concat([head, message]);
};

function header(command: number, id: number): Buffer {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0xfe534d42, 0);
  head.writeUInt16LE(64, 4);
  head.writeUInt16LE(command, 12);
  head.writeUInt16LE(31, 14);
  head.writeUInt32LE(id, 24);
  return head;
}

export function negotiate2(dialects: readonly number[]): Buffer {
  const body = Buffer.alloc(36 + dialects.length * 2);
  body.writeUInt16LE(36, 0);
  body.writeUInt16LE(dialects.length, 2);
  body.writeUInt16LE(1, 4);
  dialects.forEach((dialect, index) => body.writeUInt16LE(dialect, 36 + index * 2));
  return netbios(Buffer.concat([header(0, 0), body]));
}

/** The old protocol: its negotiation with its last dialect only. */
export const NEGOTIATE1 = ((): Buffer => {
  const head = Buffer.alloc(32);
  head.writeUInt32BE(0xff534d42, 0);
  head[4] = 0x72;
  head.writeUInt16LE(0xc853, 10);
  const dialect = Buffer.from('\x02NT LM 0.12\0', 'latin1');
  return netbios(Buffer.concat([head, Buffer.from([0, dialect.length, 0]), dialect]));
})();

export interface Negotiated {
  dialect: number;
  signingRequired: boolean;
}

/** `message` without the four bytes of its length. */
export function readNegotiated(message: Buffer): Negotiated | null {
  if (message.length < 70 || message.readUInt32BE(0) !== 0xfe534d42 || message.readUInt32LE(8) !== 0) return null;
  return { dialect: message.readUInt16LE(68), signingRequired: (message[66]! & SIGNING_REQUIRED) !== 0 };
}

/** Index 0 of the dialects that were offered was taken. */
export const tookOld = (message: Buffer): boolean =>
  message.length >= 35 &&
  message.readUInt32BE(0) === 0xff534d42 &&
  message[4] === 0x72 &&
  message.readUInt16LE(33) === 0;

/** The first message of NTLM: it names nobody and asks for a challenge. */
export function askChallenge(): Buffer {
  const ntlm = Buffer.alloc(40);
  ntlm.write('NTLMSSP\0', 'latin1');
  ntlm.writeUInt32LE(1, 8);
  ntlm.writeUInt32LE(0xe2088297, 12);
  const body = Buffer.alloc(24);
  body.writeUInt16LE(25, 0);
  body[3] = 1;
  body.writeUInt16LE(64 + 24, 12);
  body.writeUInt16LE(ntlm.length, 14);
  return netbios(Buffer.concat([header(1, 1), body, ntlm]));
}

export interface Challenge {
  os: string;
  computer: string | null;
  domain: string | null;
}

const NAMES = { computer: 3, domain: 4, netbiosComputer: 1, netbiosDomain: 2 } as const;

/** What the second message of NTLM says of the machine; null where there is none. */
export function readChallenge(message: Buffer): Challenge | null {
  const at = message.indexOf('NTLMSSP\0\x02\0\0\0', 0, 'latin1');
  if (at < 0 || message.length < at + 56) return null;
  const ntlm = message.subarray(at);
  const names = readNames(ntlm.subarray(ntlm.readUInt32LE(44), ntlm.readUInt32LE(44) + ntlm.readUInt16LE(40)));
  return {
    os: `${ntlm[48]}.${ntlm[49]}.${ntlm.readUInt16LE(50)}`,
    computer: names.get(NAMES.computer) || names.get(NAMES.netbiosComputer) || null,
    domain: names.get(NAMES.domain) || names.get(NAMES.netbiosDomain) || null,
  };
}

function readNames(list: Buffer): Map<number, string> {
  const names = new Map<number, string>();
  for (let at = 0; at + 4 <= list.length && names.size < 16;) {
    const [id, length] = [list.readUInt16LE(at), list.readUInt16LE(at + 2)];
    if (id === 0) break;
    names.set(id, list.subarray(at + 4, at + 4 + length).toString('utf16le'));
    at += 4 + length;
  }
  return names;
}
