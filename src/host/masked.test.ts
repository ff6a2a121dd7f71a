import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { masked, maskedWords } from './masked.ts';

const LINES = [
  'AWS_SECRET_ACCESS_KEY=S3CRET aws s3 ls',
  'MYSQL_PWD=S3CRET mysqldump --all',
  'mysql -uroot -pS3CRET shop',
  '/usr/bin/mysqldump -u root -pS3CRET',
  'curl -u admin:S3CRET https://x.test/',
  'curl --user=admin:S3CRET https://x.test/',
  'curl -uadmin:S3CRET https://x.test/',
  'curl -H "Authorization: Bearer S3CRET" https://x.test/',
  'curl -H "Authorization: Basic S3CRET" https://x.test/',
  'curl -H "authorization: S3CRET"',
  "curl -H 'X-Api-Key: S3CRET' x",
  'curl -H "Cookie: S3CRET" x',
  'curl "https://x.test/?a=b&token=S3CRET&c=d"',
  'redis-cli -h x -a S3CRET ping',
  'redis-cli -aS3CRET ping',
  'sshpass -p S3CRET ssh x',
  'sshpass -pS3CRET ssh x',
  'tool --password="my S3CRET here" --x',
  "tool --password='my S3CRET' --x",
  'tool --password=my\\ S3CRET',
  'tool --password S3CRET',
  'tool --client-secret S3CRET --x',
  'tool --api-key "a S3CRET b"',
  'tool -c \'{"password":"S3CRET"}\'',
  'tool \'{"password": "S3CRET"}\'',
  'sh -c "mysql -pS3CRET shop"',
  `sh -c "PGPASSWORD='a S3CRET' psql"`,
  'psql "host=x password=S3CRET dbname=y"',
  'postgres://user:S3CRET@db/x',
  'env DB_PASS=S3CRET DB_TOKEN="x S3CRET" run',
  'snmpwalk --authpassphrase=S3CRET',
  'docker login -p S3CRET --password S3CRET'.replace('-p S3CRET ', ''),
  '7z a -pS3CRET x.7z',
  'openssl enc -pass pass:S3CRET',
  `it's --password=S3CRET`,
  'tool --password \\\n  S3CRET',
];

test('masked: what looks like a secret stays, however it is written', () => {
  for (const line of LINES) {
    assert.ok(!masked(line).includes('S3CRET'), `${line} → ${masked(line)}`);
    // The same as the kernel has it: quotes gone, words apart.
    const words = ['sh', '-c', line];
    assert.ok(!maskedWords(words).join(' ').includes('S3CRET'), `${line} → ${maskedWords(words).join(' ')}`);
  }
  assert.equal(maskedWords(['run', '--password=two S3CRET words', 'x']).join(' '), 'run --password=••• x');
  assert.equal(
    maskedWords(['curl', '-H', 'Authorization: Bearer S3CRET', 'x']).join(' '),
    'curl -H Authorization: Bearer ••• x',
  );
});

test('masked: everything else stays as it is', () => {
  const lines = [
    '/usr/sbin/sshd -D  [listener]',
    'find /var -path /x -print0 -perm 600',
    'ssh -p22 -p 2222 host',
    'docker run -u 1000:1000 -p 8080:80 -p127.0.0.1:80:80 image',
    'mkdir -p /srv/x',
    'nginx: master process /usr/sbin/nginx -g "daemon on;"',
    'Defaults passwd_tries=3, passwd_timeout=0, timestamp_timeout=5',
    'java -Xmx1g -Dcatalina.base=/srv/tomcat -jar /srv/app.jar',
    'https://x.test:8443/a?b=c',
    'usermod -a -G docker joe',
    '/bin/cat /var/log/a,b',
  ];
  for (const line of lines) assert.equal(masked(line), line);
  assert.equal(masked('sshpass -p S3CRET ssh joe@x'), 'sshpass -p ••• ssh joe@x');
  assert.equal(masked('curl "https://x.test/?token=S3CRET&c=d"'), 'curl "https://x.test/?token=•••&c=d"');
});

test('masked: no text takes long', () => {
  const units = ['key', 'token ', '"', "'", '\\', 'a:', '-p', '://a:', 'x=', '" ', 'key="', '?key=&', '{"pass":', ' '];
  for (const unit of units) {
    const before = performance.now();
    masked(unit.repeat(100_000));
    maskedWords([unit.repeat(5000), unit.repeat(5000)]);
    assert.ok(performance.now() - before < 5000, unit);
  }
});

test('masked: every text comes out as text, escaped blanks or not', () => {
  const piece = fc.constantFrom('\\', ' ', '\n', '"', "'", '=', ':', '-', 'a', 'password', '://', '@', '&', '(');
  const word = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      assert.equal(maskedWords(words).length, words.length);
      assert.equal(typeof masked(words.join(' ')), 'string');
    }),
  );
  for (const word of ['a\\ b', 'x\\\n  y', '\\ ', '"a\\ b"', 'a\\ "b\\ c'])
    assert.deepEqual(maskedWords(['sh', '-c', word]), ['sh', '-c', word]);
});
