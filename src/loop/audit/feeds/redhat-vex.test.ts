import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Statement } from '../../../model/statement.ts';
import { matchPackage } from '../logic/advisories/match.ts';
import { versionOrder } from '../versions/registry.ts';
import { redhatVex } from './redhat-vex.ts';
import { own } from './testing.ts';
import { rhel, vex } from './testing-vex.ts';

const parse = (document: object): Statement[] => {
  const { statements } = redhatVex.parse(Buffer.from(JSON.stringify(document)), {}, new Date('2026-11-20T00:00:00Z'));
  for (const one of statements) Statement.parse(one);
  return statements;
};

function verdict(statements: readonly Statement[], release: string, name: string, version: string): string {
  const installed = { ecosystem: 'Red Hat', release, name, version, source: name, sourceVersion: version };
  const [match] = matchPackage(own(statements), installed, versionOrder);
  return match ? `${match.verdict}${match.fix === null ? '' : ` → ${match.fix}`}` : 'nothing said';
}

test('3.1: each status of a VEX document, by release, with why; extended support and other products say nothing of it', () => {
  const statements = parse(
    vex('CVE-2026-1', [
      { in: rhel(9), purl: 'openssl@3.0.7-27.el9?arch=src&epoch=1', status: 'fixed', erratum: 'RHSA-2026:0001' },
      { in: rhel(9), purl: 'openssl-libs@3.0.7-27.el9?arch=x86_64&epoch=1', status: 'fixed' },
      { in: 'cpe:/o:redhat:rhel_eus:9.2::baseos', purl: 'openssl@3.0.7-16.el9_2.9?arch=src&epoch=1', status: 'fixed' },
      { in: 'cpe:/a:redhat:openshift:4.16::el9', purl: 'openssl@9-1.el9?arch=src', status: 'fixed' },
      { in: rhel(8), purl: 'openssl?arch=src', status: 'known_affected', none: ['none_available', 'Fix deferred'] },
      { in: rhel(7), purl: 'openssl?arch=src', status: 'known_affected', none: ['no_fix_planned', 'Will not fix'] },
      {
        in: rhel(6),
        purl: 'openssl?arch=src',
        status: 'known_affected',
        none: ['no_fix_planned', 'Out of support scope'],
      },
      {
        in: 'cpe:/o:redhat:enterprise_linux:10.0',
        purl: 'openssl?arch=src',
        status: 'known_not_affected',
        flag: 'vulnerable_code_not_present',
      },
      { in: rhel(9), purl: 'compat-openssl11?arch=src', status: 'under_investigation' },
      { in: rhel(8), purl: 'mingw-openssl?arch=src', status: 'known_affected' },
    ]),
  );
  assert.deepEqual(
    statements.map((one) => [one.release, one.of, one.name, one.status, one.fixed, one.reason]).toSorted(),
    [
      ['10', 'source', 'openssl', 'not-affected', null, 'vulnerable code not present'],
      ['6', 'source', 'openssl', 'end-of-life', null, 'Out of support scope'],
      ['7', 'source', 'openssl', 'wont-fix', null, 'Will not fix'],
      ['8', 'source', 'mingw-openssl', 'affected', null, null],
      ['8', 'source', 'openssl', 'deferred', null, 'Fix deferred'],
      ['9', 'source', 'compat-openssl11', 'unassessed', null, 'Red Hat is looking into it'],
      ['9', 'source', 'openssl', 'fixed', '1:3.0.7-27.el9', null],
    ],
  );
  assert.ok(statements.every(({ aliases }) => aliases[0] === 'RHSA-2026:0001'));
  assert.ok(statements.every(({ urgency }) => urgency === 'Moderate'));
  assert.equal(verdict(statements, '9', 'openssl', '1:3.0.7-24.el9'), 'affected → 1:3.0.7-27.el9');
  assert.equal(verdict(statements, '9', 'openssl', '1:3.0.7-27.el9'), 'fixed');
  assert.equal(verdict(statements, '8', 'openssl', '1:1.1.1k-9.el8_7'), 'affected');
  assert.equal(verdict(statements, '10', 'openssl', '1:3.2.2-1.el10'), 'not-affected');
  assert.equal(verdict(statements, '9', 'compat-openssl11', '1:1.1.1k-4.el9'), 'unknown');
});

test('3.1: of modules each stream has its own fix, and where streams differ in what cannot be told, it is unknown', () => {
  const module = (stream: string, version: string) => ({
    in: rhel(8),
    module: `nodejs@${stream}:8080020231011:63b34585`,
    purl: `nodejs@${version}?arch=src&epoch=1`,
    status: 'fixed' as const,
  });
  const both = parse(
    vex('CVE-2026-2', [
      module('18', '18.18.2-1.module%2Bel8.8.0%2B20407+a3c3ddee'.replace('+a', '%2Ba')),
      module('20', '20.8.1-1.module%2Bel8.9.0%2B20473%2Bc4e3d824'),
    ]),
  );
  const of = (version: string): string => verdict(both, '8', 'nodejs', version);
  assert.equal(of('1:18.17.0-1.module+el8.8.0+1+a'), 'affected → 1:18.18.2-1.module+el8.8.0+20407+a3c3ddee');
  assert.equal(of('1:18.19.0-1.module+el8.9.0+1+a'), 'not-affected', 'not an old 20');
  assert.equal(of('1:20.8.0-1.module+el8.9.0+1+a'), 'affected → 1:20.8.1-1.module+el8.9.0+20473+c4e3d824');
  assert.equal(of('1:20.9.0-1.module+el8.9.0+1+a'), 'fixed');
  // A companion has versions of its own in each stream: of one that is older, it depends.
  const companion = (stream: string, version: string) => ({
    ...module(stream, '1'),
    purl: `nodejs-nodemon@${version}?arch=src`,
  });
  const beside = parse(
    vex('CVE-2026-4', [
      module('18', '18.18.2-1.module%2Bel8.8.0'),
      module('20', '20.8.1-1.module%2Bel8.9.0'),
      companion('18', '2.0.20-3.module%2Bel8.8.0'),
      companion('20', '3.0.1-1.module%2Bel8.9.0'),
    ]),
  );
  assert.equal(verdict(beside, '8', 'nodejs-nodemon', '2.0.20-3.module+el8.8.0'), 'unknown');
  assert.equal(verdict(beside, '8', 'nodejs-nodemon', '3.0.1-1.module+el8.9.0'), 'fixed');
  // rpm itself may say for which stream it was built.
  const labelled = (stream: string, version: string): string =>
    matchPackage(
      own(beside),
      {
        ecosystem: 'Red Hat',
        release: '8',
        name: 'nodejs-nodemon',
        version,
        source: 'nodejs-nodemon',
        sourceVersion: version,
        stream,
      },
      versionOrder,
    )
      .map(({ verdict: told, fix }) => `${told} ${fix}`)
      .join();
  assert.equal(labelled('nodejs:18', '2.0.20-2.module+el8.8.0'), 'affected 2.0.20-3.module+el8.8.0');
  assert.equal(labelled('nodejs:18', '2.0.20-3.module+el8.8.0'), 'not-affected null', 'no old one of 20');
  assert.equal(labelled('nodejs:20', '2.0.20-3.module+el8.8.0'), 'affected 3.0.1-1.module+el8.9.0');
  assert.equal(labelled('nodejs:22', '1.0-1.module+el8.8.0'), 'not-affected null', 'of another stream altogether');
  const unfixed = { ...module('16', '1'), purl: 'nodejs?arch=src', status: 'known_affected' as const };
  const mixed = parse(vex('CVE-2026-3', [module('18', '18.18.2-1.module%2Bel8'), unfixed]));
  assert.equal(verdict(mixed, '8', 'nodejs', '1:16.20.0-1.module+el8'), 'unknown');
  assert.match(mixed[0]!.reason!, /not in nodejs:16/);
});

test('what is no CSAF document is refused, and so is one from the future', () => {
  assert.throws(() => parse({ document: {} }), /document 1 is no CSAF document: document\.tracking/);
  const future = vex('CVE-2026-4', [], '2030-01-01T00:00:00Z');
  assert.throws(() => parse(future), /changed in the future/);
});
