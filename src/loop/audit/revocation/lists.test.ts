import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readRevocationList, type RevocationList } from '../../../platform/pki/revocation-list.ts';
import { RealAuthority } from './testing.ts';

const skip = spawnSync('openssl', ['version']).error ? 'openssl is not installed' : false;
const serialOf = (index: number): string => (0xf00000 + index).toString(16).toUpperCase();

async function authority(t: TestContext, revoked: number): Promise<RealAuthority> {
  const ca = new RealAuthority('127.74.20.8');
  t.after(() => ca.close());
  await ca.start();
  const line = (index: number): string =>
    `R\t491231235959Z\t260101000000Z\t${serialOf(index)}\tunknown\t/CN=x${index}\n`;
  writeFileSync(join(ca.dir, 'index.txt'), Array.from({ length: revoked }, (_, index) => line(index)).join(''));
  return ca;
}

const read = (ca: RealAuthority, file = 'ca.crl'): Promise<RevocationList | { why: string }> => {
  const issuers = [{ pem: readFileSync(join(ca.dir, 'ca.pem'), 'utf8'), subject: '' }];
  return readRevocationList(`http://${ca.address}:${ca.port}/${file}`, issuers, new Date());
};

test('3.17: a list of thousands is read to its end, as after a disaster', { skip }, async (t) => {
  const ca = await authority(t, 20_000);
  ca.publish();
  for (const file of ['ca.crl', 'crl.pem']) {
    const list = await read(ca, file);
    assert.ok(!('why' in list), JSON.stringify(list));
    assert.deepEqual([0, 1, 19_999, 20_000].map((index) => list.has(serialOf(index))), [true, true, true, false]); // prettier-ignore
    assert.deepEqual([list.issuer, list.partial], ['CN=Test CA', null]);
  }
});

test('lists are believed with each kind of signature, and with no other key', { skip }, async (t) => {
  const ca = await authority(t, 1);
  const keys = [
    ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ];
  const signing = [[], ['-sigopt', 'rsa_padding_mode:pss'], ['-md', 'sha512']];
  for (const [index, how] of [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    // prettier-ignore
    ca.run('genpkey', ...keys[index]!, '-out', 'ca.key');
    ca.run(
      'req',
      '-x509',
      '-new',
      '-key',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Test CA/O=Zürich & Söhne',
      '-utf8',
    );
    ca.run('ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '7', ...signing[how]!, '-out', 'crl.pem');
    const list = await read(ca, 'crl.pem');
    assert.ok(!('why' in list) && list.has(serialOf(0)), JSON.stringify(list));
  }
  ca.run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA/O=Zürich & Söhne', '-utf8'); // prettier-ignore
  assert.deepEqual(await read(ca, 'crl.pem'), { why: 'no configured authority signed it' });
});

test('what is in a delta, or in a list of other issuers, too, makes nothing revoked', { skip }, async (t) => {
  const ca = await authority(t, 1);
  const cases = [
    ['2.5.29.27=critical,DER:020101', /does not|do not know \(2\.5\.29\.27\)/],
    ['issuingDistributionPoint=critical,@idp\n[idp]\nindirectCRL=TRUE', /other issuers/],
  ] as const;
  for (const [index, [extension, why]] of cases.entries()) {
    appendFileSync(join(ca.dir, 'ca.cnf'), `[strange${index}]\n${extension.replaceAll('idp', `idp${index}`)}\n`);
    ca.run('ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '7', '-crlexts', `strange${index}`, '-out', 'crl.pem');
    const list = await read(ca, 'crl.pem');
    assert.match('why' in list ? list.why : 'it was taken', why);
  }
});

test('bytes that are no list, however many, are refused at once', { skip }, async (t) => {
  const ca = await authority(t, 0);
  const wrapped = (body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([Buffer.from([0x30, 0x84]), length, body]);
  };
  const many = Buffer.alloc(15 * 1024 * 1024, Buffer.from([5, 0]));
  const began = performance.now();
  for (const body of [wrapped(wrapped(many)), wrapped(many), many, Buffer.from('<html>')]) {
    ca.answers = () => ({ status: 200, body });
    assert.deepEqual(await read(ca), { why: 'it is no revocation list' });
  }
  assert.ok(performance.now() - began < 5000);
});
