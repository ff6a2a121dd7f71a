import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { publicOfDropbear } from './host-keys.ts';

const fingerprint = (blob: Buffer): string =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
const string = (value: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
};
const b64 = (text: string): Buffer => Buffer.from(text, 'base64url');
/** RFC 4251: no leading zero bytes, but one where the number would look negative */
const mpint = (value: Buffer): Buffer => string(value[0]! & 0x80 ? Buffer.concat([Buffer.alloc(1), value]) : value);

/** Key files as Dropbear writes them, of keys that OpenSSL made. */
const FILES = {
  ed25519: () => {
    const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as { d: string; x: string };
    const file = Buffer.concat([string(Buffer.from('ssh-ed25519')), string(Buffer.concat([b64(jwk.d), b64(jwk.x)]))]);
    return { file, blob: Buffer.concat([string(Buffer.from('ssh-ed25519')), string(b64(jwk.x))]) };
  },
  rsa: () => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    const blob = Buffer.concat([string(Buffer.from('ssh-rsa')), mpint(b64(jwk.e!)), mpint(b64(jwk.n!))]);
    return { file: Buffer.concat([blob, mpint(b64(jwk.d!)), mpint(b64(jwk.p!)), mpint(b64(jwk.q!))]), blob };
  },
  ecdsa: () => {
    const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.from([4]), b64(jwk.x!), b64(jwk.y!)]);
    const type = 'ecdsa-sha2-nistp256';
    const blob = Buffer.concat([string(Buffer.from(type)), string(Buffer.from('nistp256')), string(point)]);
    return { file: Buffer.concat([blob, mpint(b64(jwk.d!))]), blob };
  },
};

for (const [kind, make] of Object.entries(FILES)) {
  test(`a ${kind} key of Dropbear: its public half, and nothing of the other`, (context) => {
    const { file, blob } = make();
    assert.deepEqual(publicOfDropbear(file), blob);
    const dir = mkdtempSync(join(tmpdir(), 'lastember-hostkey-'));
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    const path = join(dir, 'key.pub');
    writeFileSync(path, `${blob.subarray(4, 4 + blob.readUInt32BE(0)).toString()} ${blob.toString('base64')} x\n`);
    let said;
    try {
      said = execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || process.getuid?.() !== 0) return;
      throw error;
    }
    assert.ok(said.includes(fingerprint(blob)), said);
  });
}

test('what is no key file has no key', () => {
  const { file } = FILES.ed25519();
  for (const cut of [0, 3, 15, 20, file.length - 1]) assert.equal(publicOfDropbear(file.subarray(0, cut)), null);
  assert.equal(publicOfDropbear(Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\n')), null);
  assert.equal(publicOfDropbear(string(Buffer.from('ssh-dss'))), null);
});
