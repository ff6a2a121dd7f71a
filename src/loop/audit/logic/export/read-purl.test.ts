import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DISTRIBUTIONS, purlOf } from './purl.ts';
import { readPurl } from './read-purl.ts';

const label = fc.stringMatching(/^[a-z][a-z0-9.+-]{0,12}[a-z0-9]$/);
const version = fc.stringMatching(/^([1-9]:)?[0-9][0-9a-z.~+-]{0,12}$/);

test('property: a package URL that we write names the same package when it is read', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(DISTRIBUTIONS)),
      label,
      version,
      label,
      (ecosystem, name, one, source) => {
        const url = purlOf({
          ecosystem,
          name,
          version: one,
          arch: 'x86_64',
          source,
          sourceVersion: one,
          versionId: '9.4',
        });
        assert.deepEqual(readPurl(url!), { ecosystem, name, version: one }, url!);
      },
    ),
  );
  for (const [ecosystem, name] of [
    ['npm', '@scope/name'],
    ['npm', 'lodash'],
    ['Maven', 'org.apache.logging.log4j:log4j-core'],
    ['PyPI', 'zope-interface'],
    ['RubyGems', 'rails'],
  ] as const)
    assert.deepEqual(readPurl(purlOf({ ecosystem, name, version: '1.2.3' })!), { ecosystem, name, version: '1.2.3' });
});

test('as others write them, without a version or with other words, and what names no package', () => {
  const read = (text: string): unknown => Object.values(readPurl(text) ?? {});
  assert.deepEqual(read('pkg:rpm/rocky-linux/openssl@3.0.7-27.el9?arch=x86_64&epoch=1'), [
    'Rocky Linux',
    'openssl',
    '1:3.0.7-27.el9',
  ]);
  assert.deepEqual(read('pkg:deb/debian/openssl?distro=bookworm'), ['Debian', 'openssl', null]);
  assert.deepEqual(read('pkg:deb/kali/openssl'), ['kali', 'openssl', null]);
  assert.deepEqual(read('pkg:deb/constructor/openssl'), ['constructor', 'openssl', null]);
  assert.deepEqual(read('pkg:pypi/Zope.Interface'), ['PyPI', 'zope-interface', null]);
  for (const text of ['pkg:', 'pkg:deb/openssl', 'pkg:cargo/rand@1', 'pkg:deb/debian/%zz', 'pkg:rpm', 'pkg:npm'])
    assert.equal(readPurl(text), null, text);
});
