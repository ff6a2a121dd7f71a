import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceProbe, SshProbe, TlsProbe } from '../../model/probe.ts';
import { identifiersOf, learns, leftOpen, nameFrom, sameProbe, serviceOf, summaryOf, tellsLess } from './describe.ts';

const ssh = (banner: string): SshProbe => ({
  protocol: 'ssh',
  banner,
  hostKeys: [],
  algorithms: { kex: [], hostKey: [], cipher: [], mac: [] },
});
const tls = (fields: Partial<TlsProbe> = {}, names = ['shop.example']): TlsProbe => ({
  protocol: 'tls',
  versions: ['TLSv1.2'],
  heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: 'x' },
  chain: [
    {
      fingerprint: 'a'.repeat(64),
      spki: 'b'.repeat(64),
      serial: '01',
      subject: 'CN=x',
      issuer: 'CN=y',
      names,
      notBefore: '2030-01-01T00:00:00.000Z',
      notAfter: '2031-01-01T00:00:00.000Z',
      keyType: 'rsa',
      crlUrls: [],
      ocspUrls: [],
      pem: '',
    },
  ],
  ...fields,
});
const unknown = (text: string) => ({ protocol: 'unknown' as const, banner: Buffer.from(text).toString('hex') });

test('service names from what is said', () => {
  assert.deepEqual(
    ['220 mx ESMTP mail', '220 ProFTPD', '* OK IMAP', '+OK', '\0'].map((s) => serviceOf(unknown(s))),
    ['smtp', 'ftp', 'imap', 'pop3', 'unknown'],
  );
});

test('certificates name machines, but wildcards and addresses do not', () => {
  assert.equal(nameFrom([tls({}, ['*.example', '10.0.0.1', 'shop.example'])]), 'shop.example');
  assert.equal(nameFrom([tls({}, ['*.example'])]), null);
});

test('a probe result is the same whatever the order of its keys and the wording of its proof', () => {
  const reworded = tls({ heartbleed: { reason: 'y', leakedBytes: 3, extension: false, verdict: 'safe' } });
  const { protocol, ...rest } = reworded;
  assert.ok(sameProbe(tls(), { ...rest, protocol }));
  assert.ok(!sameProbe(tls(), tls({ versions: ['TLSv1.3'] })));
  assert.ok(
    !sameProbe(tls(), tls({ heartbleed: { verdict: 'vulnerable', extension: true, leakedBytes: 16, reason: '' } })),
  );
});

test('a greeting that differs each time is no change, another kind of service is', () => {
  assert.ok(sameProbe(unknown('{"pid":1}'), unknown('{"pid":2}')));
  assert.ok(!sameProbe(unknown('{"pid":1}'), unknown('HTTP/1.1 200 OK')));
  assert.ok(!sameProbe(unknown(''), unknown('{"pid":1}')));
});

test('silence and unfinished proofs tell less than what is known; a new certificate tells more', () => {
  const unfinished = tls({
    heartbleed: { verdict: 'unknown', extension: true, leakedBytes: 0, reason: 'time was up' },
  });
  assert.match(tellsLess(tls(), unknown('')) ?? '', /said nothing/);
  assert.match(tellsLess(tls(), unfinished) ?? '', /time was up/);
  const other = { ...unfinished, chain: [{ ...unfinished.chain[0]!, fingerprint: 'c'.repeat(64) }] };
  assert.equal(tellsLess(tls(), other), null);
  assert.equal(tellsLess(null, unfinished), null);
  assert.equal(tellsLess(tls(), unknown('HTTP/1.0')), null);
  assert.equal(tellsLess(unknown(''), unknown('')), null);
});

test('a look that leaves known versions open tells less, unless it found out anything else', () => {
  const known = tls({ versions: ['SSLv3', 'TLSv1.2'] });
  const cut = tls({ versions: ['TLSv1.2'], unknownVersions: ['SSLv3'] });
  assert.match(tellsLess(known, cut) ?? '', /SSLv3 could not be seen/);
  assert.match(tellsLess(tls(), cut) ?? '', /SSLv3/);
  assert.equal(tellsLess(known, tls({ versions: ['TLSv1.2', 'TLSv1.3'], unknownVersions: ['SSLv3'] })), null);
  assert.equal(tellsLess(cut, tls({ versions: ['TLSv1.2'] })), null);
  assert.equal(tellsLess(cut, cut), null);
  assert.equal(tellsLess(tls({ versions: ['TLSv1.2'], unknownVersions: ['TLSv1.0'] }), cut), null);
  assert.ok(!sameProbe(tls(), cut));
});

test('a look behind STARTTLS that fell short tells less; a server that says that it has none does not', () => {
  const smtp = (fields: Partial<ServiceProbe> = {}): ServiceProbe => ({
    protocol: 'smtp',
    access: 'unknown',
    what: 'it greets',
    details: {},
    ...fields,
  });
  const known = smtp({ tls: tls() });
  const unfinished = tls({
    heartbleed: { verdict: 'unknown', extension: true, leakedBytes: 0, reason: 'time was up' },
  });
  assert.match(tellsLess(known, smtp()) ?? '', /could not be looked at/);
  assert.match(tellsLess(known, smtp({ tls: unfinished })) ?? '', /time was up/);
  assert.equal(tellsLess(known, smtp({ details: { starttls: 'not offered' } })), null);
  assert.equal(tellsLess(smtp(), known), null);
  assert.equal(tellsLess(known, smtp({ tls: tls({ versions: ['TLSv1.3'] }) })), null);
  assert.equal(leftOpen(smtp({ tls: unfinished })), 'time was up', 'so that it is looked at once more');
  assert.deepEqual(
    identifiersOf(known).map(({ kind }) => kind),
    ['tls-key'],
  );
});

test('what hangs up after an unknown greeting is a busy server, and takes nothing away', () => {
  const turnedAway = { ...unknown('Exceeded MaxStartups\r\n'), hungUp: true as const };
  assert.match(tellsLess(ssh('SSH-2.0-OpenSSH_9.2'), turnedAway) ?? '', /hung up.*ssh was seen/);
  assert.equal(tellsLess(unknown('x'), turnedAway), null);
  assert.equal(tellsLess(null, turnedAway), null);
  assert.equal(tellsLess(ssh('SSH-2.0-OpenSSH_9.2'), unknown('hello, what may I do?')), null);
});

const redis = (fields: Partial<ServiceProbe> = {}): ServiceProbe => ({
  protocol: 'redis',
  product: 'Redis',
  version: '7.0.15',
  access: 'open',
  what: 'a PING was answered',
  details: {},
  ...fields,
});

test('a service has changed when its version or access did, not when its words did', () => {
  assert.ok(sameProbe(redis(), redis({ what: 'otherwise', details: { mode: 'cluster' } })));
  assert.ok(!sameProbe(redis(), redis({ version: '7.2.0' })));
  assert.ok(!sameProbe(redis(), redis({ access: 'refused' })));
  assert.ok(!sameProbe(tls(), tls({ inside: redis() })));
  assert.ok(sameProbe(tls({ inside: redis() }), tls({ inside: redis({ what: 'otherwise' }) })));
  assert.equal(serviceOf(redis()), 'redis');
});

test('a look that came to no verdict on access tells less; one that found another does not', () => {
  const open = redis({ access: 'unknown', what: 'time was up' });
  assert.match(tellsLess(redis(), open) ?? '', /time was up/);
  assert.equal(tellsLess(open, open), null);
  assert.equal(tellsLess(redis(), redis({ access: 'refused' })), null);
  assert.match(tellsLess(tls({ inside: redis() }), tls()) ?? '', /within TLS did not answer/);
  assert.match(tellsLess(tls({ inside: redis() }), tls({ inside: open })) ?? '', /time was up/);
  assert.equal(tellsLess(tls({ inside: redis() }), tls({ clientCertificate: 'required' })), null);
  assert.match(tellsLess(redis(), unknown('')) ?? '', /redis was seen there before/);
});

test('TLS that a service offers by STARTTLS names the machine and identifies it, as TLS does', () => {
  const mail = redis({ protocol: 'smtp', tls: tls() });
  assert.deepEqual(identifiersOf(mail), identifiersOf(tls()));
  assert.equal(nameFrom([mail]), 'shop.example');
  assert.match(JSON.stringify(summaryOf(mail)), /"heartbleed":"safe"/);
});

test('what nobody had asked before is learnt and no change; what was asked and is otherwise now is one', () => {
  const deep = (fields: Partial<NonNullable<TlsProbe['depth']>> = {}): TlsProbe => {
    const at = '2030-01-01T00:00:00.000Z';
    return tls({ depth: { weak: [], forwardSecrecy: 'always', unknown: [], basis: 'same', at, ...fields } });
  };
  const rc4 = { family: 'rc4', version: 'TLSv1.2', cipher: 'TLS_RSA_WITH_RC4_128_SHA' } as const;
  assert.deepEqual([sameProbe(tls(), deep()), learns(tls(), deep())], [true, true]);
  assert.deepEqual([sameProbe(deep(), deep({ at: 'later' })), learns(deep(), deep())], [true, false]);
  assert.equal(sameProbe(deep(), deep({ weak: [rc4] })), false);
  assert.equal(sameProbe(deep({ weak: [rc4] }), deep({ weak: [{ ...rc4, cipher: 'another of them' }] })), true);
  assert.equal(sameProbe(deep(), deep({ dhBits: 1024 })), false);
  const cut = deep({ unknown: ['weak'] });
  assert.match(tellsLess(deep(), cut) ?? '', /what it takes \(weak\)/);
  assert.equal(tellsLess(deep(), deep({ unknown: ['weak'], basis: 'another' })), null, 'it shows something new');
  assert.match(leftOpen(cut) ?? '', /weak/);
  const known = ssh('SSH-2.0-x');
  const asked = { ...known, login: { methods: ['publickey'] } };
  assert.deepEqual([sameProbe(known, asked), learns(known, asked), learns(asked, asked)], [true, true, false]);
  assert.equal(sameProbe(asked, { ...known, login: { methods: ['publickey', 'password'] } }), false);
});

test('a certificate that was revoked stays so until somebody says later that it is good', () => {
  const said = (status: 'good' | 'revoked', day: number) =>
    tls({ revocation: { status, source: 'x', checkedAt: `2030-01-0${day}T00:00:00.000Z` } });
  assert.match(tellsLess(said('revoked', 5), said('good', 4)) ?? '', /nothing newer/);
  assert.match(tellsLess(said('revoked', 5), tls()) ?? '', /nothing newer/);
  assert.equal(tellsLess(said('revoked', 5), said('good', 6)), null);
  assert.equal(tellsLess(said('good', 5), said('revoked', 4)), null);
});
