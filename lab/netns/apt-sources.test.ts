import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDeb822, parseOneLine } from './apt-sources.ts';
import { chooseArchive } from './archive.ts';

test('deb822: comments, several suites, disabled entries, keys written into the entry', () => {
  const text = `Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
`;
  assert.deepEqual(parseDeb822(text), [
    {
      uri: 'http://mirror.example/debian',
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'contrib'],
      signedBy: '/usr/share/keyrings/debian.gpg',
    },
    { uri: 'http://mirror.example/security', suites: ['bookworm-security'], components: ['main'], signedBy: null },
  ]);
});

test('one-line form: options, comments, sources of source code', () => {
  const text = `# deb http://mirror.example/no bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/k.gpg] http://mirror.example/debian bookworm main contrib # why
deb http://mirror.example/security bookworm-security main
`;
  assert.deepEqual(parseOneLine(text), [
    {
      uri: 'http://mirror.example/debian',
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      signedBy: '/etc/k.gpg',
    },
    { uri: 'http://mirror.example/security', suites: ['bookworm-security'], components: ['main'], signedBy: null },
  ]);
});

test('the Debian archive is told from others', () => {
  const sources = parseOneLine(`deb http://other.example/tools bookworm main
deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main`);
  assert.deepEqual(chooseArchive(sources, 'bookworm'), {
    main: 'http://mirror.example/debian',
    security: 'http://mirror.example/debian-security',
    keyring: '/k.gpg',
  });
  assert.throws(() => chooseArchive([], 'bookworm'), /no Debian archive/);
});
