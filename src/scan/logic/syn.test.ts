import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SipHash } from './siphash.ts';
import { Cookies, readReply, SYN_BYTES, type Way, writeSyn } from './syn.ts';

const sixteen = Uint8Array.from({ length: 16 }, (_, i) => i);

test('SipHash-2-4 gives what its paper and its reference give', () => {
  const hash = (length: number): string => {
    const [low, high] = new SipHash(sixteen).hash(Uint8Array.from({ length }, (_, i) => i));
    return ((BigInt(high) << 32n) | BigInt(low)).toString(16).padStart(16, '0');
  };
  assert.equal(hash(15), 'a129ca6149be45e5');
  assert.equal(hash(0), '726fdb47dd0e0e31');
});

/** RFC 1071 the slow way, over pseudo header and packet: a right checksum makes the sum all ones. */
function sumOf(way: Way, packet: DataView): bigint {
  const words = [way.from >>> 16, way.from & 0xffff, way.to >>> 16, way.to & 0xffff, 6, SYN_BYTES];
  for (let at = 0; at < SYN_BYTES; at += 2) words.push(packet.getUint16(at));
  let sum = words.reduce((all, word) => all + BigInt(word), 0n);
  while (sum >> 16n) sum = (sum & 0xffffn) + (sum >> 16n);
  return sum;
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 1, max: 65_535 });
const ways = fc.record({ from: u32, to: u32, fromPort: u16, toPort: u16 });

test('every SYN has a right checksum', () => {
  fc.assert(
    fc.property(ways, u32, (way, sequence) => {
      const packet = new DataView(new ArrayBuffer(SYN_BYTES + 3));
      writeSyn(packet, 0, way, sequence);
      assert.equal(sumOf(way, packet), 0xffffn);
      assert.equal(packet.getUint32(4), sequence);
    }),
  );
});

test('a cookie is of one way alone, and of one key', () => {
  fc.assert(
    fc.property(ways, ways, fc.uint8Array({ minLength: 16, maxLength: 16 }), (one, other, key) => {
      const cookies = new Cookies(key);
      assert.equal(cookies.of(one), cookies.of({ ...one }));
      const isSame = (['from', 'to', 'fromPort', 'toPort'] as const).every((part) => one[part] === other[part]);
      if (!isSame) assert.notEqual(cookies.of(one), cookies.of(other));
    }),
  );
});

test('whatever arrives, reading it throws nothing and reads nothing beyond it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => {
      const reply = readReply(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
      assert.ok(reply === null || ['open', 'refused'].includes(reply.is));
    }),
    { numRuns: 2000 },
  );
});
