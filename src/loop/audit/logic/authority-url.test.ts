import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { urlProblem } from './authority-url.ts';

const WEB = [80, 443];

test('3.17: a certificate leads to web ports and plain paths only', () => {
  for (const url of [
    'http://r11.c.lencr.org/62.crl',
    'http://ocsp.example',
    'https://pki.example:443/CertEnroll/Corp%20CA(1)+.crl',
    'HTTP://crl.example/a/b.crl',
  ])
    assert.equal(urlProblem(url, WEB), null, url);
  const wrong: [url: string, why: RegExp][] = [
    ['ldap:///CN=ca', /not at an http/],
    ['http://redis.example:6379/', /at port 6379, and authorities are asked at 80, 443 only/],
    ['https://etcd.example:2379/v2/keys', /at port 2379/],
    ['http://user:word@crl.example/a', /login/],
    ['http://crl.example/a?delete=all', /not a plain one/],
    ['http://crl.example/a#b', /not a plain one/],
    ['http://crl.example/a;b', /not a plain one/],
    [`http://crl.example/${'a'.repeat(300)}`, /not a plain one/],
  ];
  for (const [url, why] of wrong) assert.match(urlProblem(url, WEB) ?? '', why, url);
  assert.equal(urlProblem('http://ca.example:8888/crl', 'any'), null);
});

test('3.17: whatever a certificate says, what is followed goes to a port of the list', () => {
  fc.assert(
    fc.property(fc.webUrl({ authoritySettings: { withPort: true }, withQueryParameters: true }), (url) => {
      if (urlProblem(url, WEB) !== null) return;
      const { port, search, protocol } = new URL(url);
      assert.ok(WEB.includes(Number(port || (protocol === 'https:' ? 443 : 80))));
      assert.equal(search, '');
    }),
  );
});
