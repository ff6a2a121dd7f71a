import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { data, put, tree } from '../facts/testing.ts';
import { localHost } from '../local.ts';
import { nginxFiles, statements } from './nginx.ts';

const MAIN = 'events {}\nhttp { include /etc/nginx/conf.d/*.conf; include sites-enabled/*; }\n';
const site = (name: string): string =>
  `server { listen 443 ssl; ssl_certificate /tls/${name}.crt; ssl_certificate_key "/tls/${name}.key"; }\n`;
const of = async (files: Record<string, string>): Promise<(string | null)[]> => {
  const found = await nginxFiles(localHost({ root: tree({ 'etc/nginx/nginx.conf': MAIN, ...files }) }));
  return [found.certificate, found.privateKey];
};

test('nginx: what it includes counts, and nothing else that lies there', async () => {
  const files = { 'etc/nginx/conf.d/b.conf': site('b'), 'etc/nginx/conf.d/a.conf.bak': site('a') };
  assert.deepEqual(await of(files), ['/tls/b.crt', '/tls/b.key']);
  const relative = {
    'etc/nginx/sites-enabled/x': 'server{ssl_certificate tls/x.crt;ssl_certificate_key ./tls/x.key;}',
  };
  assert.deepEqual(await of(relative), ['/etc/nginx/tls/x.crt', '/etc/nginx/tls/x.key']);
  const commented = { 'etc/nginx/sites-enabled/x': `# ${site('old')}#${site('older')}${site('x')}` };
  assert.deepEqual(await of(commented), ['/tls/x.crt', '/tls/x.key']);
  assert.deepEqual(await of({}), [null, null]);
});

test('nginx: every certificate that it names is looked at, wherever it lies', async () => {
  const key = (): string =>
    generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
  const root = tree({
    'usr/bin/systemctl': '#!/bin/sh\nexit 0\n',
    'etc/nginx/nginx.conf': MAIN,
    'etc/nginx/conf.d/a.conf': site('a') + site('b'),
    'tls/a.key': key(),
    'tls/b.key': key(),
    'tls/c.bin': key(),
  });
  assert.deepEqual(
    (await data(root, 'certificates')).map((fact) => fact.path),
    ['/tls/a.key', '/tls/b.key'],
  );
});

test('nginx: of several certificates none stands for all; the same one twice is one', async () => {
  const a = { 'etc/nginx/conf.d/a.conf': site('a') };
  assert.deepEqual(await of({ ...a, 'etc/nginx/sites-enabled/b': site('b') }), [null, null]);
  assert.deepEqual(await of({ ...a, 'etc/nginx/sites-enabled/b': site('a') }), ['/tls/a.crt', '/tls/a.key']);
  const variable = { 'etc/nginx/sites-enabled/b': 'ssl_certificate /tls/$ssl_server_name.crt;' };
  assert.deepEqual(await of({ ...a, ...variable }), ['/tls/a.crt', '/tls/a.key']);
});

test('nginx: a directory, a large file and a loop of includes cost no section', async () => {
  const show =
    'Id=nginx.service\nActiveState=active\nUnitFileState=enabled\nMainPID=0\nFragmentPath=\nExecStart=/usr/sbin/nginx\n';
  const root = tree({
    'usr/bin/systemctl': `#!/bin/sh\nprintf '%s' '${show}'\n`,
    'etc/nginx/nginx.conf': MAIN,
    'etc/nginx/conf.d/a.conf': `include conf.d/*.conf;\n${site('a')}`,
  });
  fs.mkdirSync(join(root, 'etc/nginx/conf.d/ssl'));
  assert.equal((await data(root, 'services'))[0]?.certificate, '/tls/a.crt');
  put(root, 'etc/nginx/conf.d/blocklist.conf', 'deny 10.0.0.1;\n'.repeat(30_000));
  fs.mkdirSync(join(root, 'etc/nginx/sites-enabled/x'), { recursive: true });
  for (const name of ['services', 'files', 'certificates'] as const) await data(root, name);
  assert.equal((await data(root, 'services'))[0]?.certificate, null, 'another may be in what was not read');
});

test('services: a unit file that is too large costs that unit its files, not the others theirs', async () => {
  const unit = (name: string): string =>
    `Id=${name}.service\nActiveState=active\nUnitFileState=enabled\nMainPID=0\nFragmentPath=/etc/systemd/system/${name}.service\nExecStart=/x\n`;
  const root = tree({
    'usr/bin/systemctl': `#!/bin/sh\nprintf '%s\\n' '${unit('big')}' '${unit('shop')}'\n`,
    'etc/systemd/system/big.service': `[X-Lastember]\nCertificate=/a\n${'#\n'.repeat(50_000)}`,
    'etc/systemd/system/shop.service': '[X-Lastember]\nCertificate=/b\n',
  });
  fs.mkdirSync(join(root, 'etc/systemd/system/shop.service.d/x.conf'), { recursive: true });
  assert.deepEqual(
    (await data(root, 'services')).map((fact) => fact.certificate),
    [null, '/b'],
  );
});

test('nginx: statements, and none that takes long', () => {
  assert.deepEqual(statements(`a "b;c" d; e{f 'g h';} # i j;\nk#l m; n;`), [
    ['a', 'b;c'],
    ['f', 'g h'],
    ['k#l', 'm'],
  ]);
  for (const unit of [' ', '\n', '"', '{', '#', 'ssl_certificate ', '\\', "' "]) {
    const before = performance.now();
    statements(unit.repeat(262_144 / unit.length));
    assert.ok(performance.now() - before < 5000, unit);
  }
});
