/** Numbers and strings as SSH writes them (RFC 4251 §5). */
export function stringAt(packet: Buffer, at: number): Buffer | null {
  if (packet.length < at + 4) return null;
  const length = packet.readUInt32BE(at);
  return at + 4 + length > packet.length ? null : packet.subarray(at + 4, at + 4 + length);
}

/** A number that is not negative, from its bytes, as an mpint. */
export function mpint(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const body = first < 0 ? Buffer.alloc(0) : Buffer.from(bytes.subarray(first));
  const padded = body.length > 0 && body[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(padded.length);
  return Buffer.concat([length, padded]);
}

export const numberIn = (bytes: Uint8Array): bigint =>
  bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
