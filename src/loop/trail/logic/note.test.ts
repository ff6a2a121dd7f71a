import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { parseCheckpoint, parseVerifierKey, signedBy } from '../verify/note.ts';
import { checkpointText, keyName, rawPublicKey, signNote, verifierKey } from './note.ts';

/** The example of the C2SP signed-note specification (its key pair is published with Go's sumdb/note). */
const EXAMPLE_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const EXAMPLE_SIGNATURE =
  'Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=';

test('the verifier key and signature of the C2SP example are understood', () => {
  const key = parseVerifierKey(EXAMPLE_KEY);
  assert.ok(key);
  assert.equal(verifierKey(key.name, key.publicKey), EXAMPLE_KEY);
  const body = 'This is an example message.\n';
  const line = Buffer.from(EXAMPLE_SIGNATURE, 'base64');
  const note = {
    origin: '',
    size: 0,
    root: Buffer.alloc(32),
    body,
    signatures: [{ name: 'example.com/foo', hash: line.subarray(0, 4).toString('hex'), signature: line.subarray(4) }],
  };
  assert.ok(signedBy(note, key));
  assert.ok(!signedBy({ ...note, body: 'This is an example message!\n' }, key));
});

test('RFC 8032 test key: the note carries the deterministic Ed25519 signature', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  assert.equal(rawPublicKey(key).toString('hex'), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
});

test('a checkpoint is signed, read back, and refused when anything in it changes', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const root = Buffer.alloc(32, 7);
  const text = signNote(checkpointText('lastember.example/trail', 42, root), 'lastember.example/trail', privateKey);
  const key = parseVerifierKey(verifierKey('lastember.example/trail', rawPublicKey(privateKey)))!;
  const read = parseCheckpoint(text)!;
  assert.deepEqual([read.origin, read.size, read.root], ['lastember.example/trail', 42, root]);
  assert.ok(signedBy(read, key));
  assert.ok(!signedBy(parseCheckpoint(text.replace('\n42\n', '\n43\n'))!, key));
  const other = generateKeyPairSync('ed25519').privateKey;
  const forged = signNote(checkpointText('lastember.example/trail', 42, root), 'lastember.example/trail', other);
  assert.ok(!signedBy(parseCheckpoint(forged)!, key));
});

test('text that is no checkpoint is not taken for one', () => {
  const good =
    'o\n1\n' + Buffer.alloc(32).toString('base64') + '\n\n\u2014 o ' + Buffer.alloc(68).toString('base64') + '\n';
  assert.ok(parseCheckpoint(good));
  for (const bad of [
    '',
    good.slice(0, -1),
    good.replace('\n1\n', '\n01\n'),
    good.replace('\n1\n', '\n-1\n'),
    good.replace('\u2014', '-'),
    good.replace(Buffer.alloc(32).toString('base64'), 'AAAA'),
  ]) {
    assert.equal(parseCheckpoint(bad), null);
  }
  for (const bad of ['', 'a+b', EXAMPLE_KEY.replace('530d903a', '530d903b'), EXAMPLE_KEY.slice(0, -4)]) {
    assert.equal(parseVerifierKey(bad), null);
  }
});

test('an origin with spaces or plus signs still makes a key name', () => {
  assert.equal(keyName('my estate + trail'), 'my-estate-trail');
});
