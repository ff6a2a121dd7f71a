/** The little of DER (X.690) that a certificate request needs. */
export function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const head = [tag];
  if (body.length < 0x80) head.push(body.length);
  else {
    const digits = body.length.toString(16);
    const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
    head.push(0x80 | length.length, ...length);
  }
  return Buffer.concat([Buffer.from(head), body]);
}

export const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
export const set = (...parts: Uint8Array[]): Buffer => der(0x31, ...parts);
export const NULL = der(0x05);

/** Not for negative numbers. */
export function smallInteger(value: number): Buffer {
  return der(0x02, Buffer.from([value]));
}

/** Bit string of whole bytes. */
export const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes);
export const octetString = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text, 'utf8'));

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const value of rest) {
    const groups = [value & 0x7f];
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}
