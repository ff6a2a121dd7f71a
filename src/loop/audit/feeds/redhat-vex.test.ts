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

test('3.1: each status of a VEX document, by release and stream, with why; other products say nothing of it', () => {
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
      ['9.2-eus', 'source', 'openssl', 'fixed', '1:3.0.7-16.el9_2.9', null],
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

test('3.2: fixes of each kind of extended support are of their stream, by both kinds of names that documents have', () => {
  const fixed = (cpe: string, version: string, product?: string) => ({
    in: `cpe:/${cpe}`,
    purl: `x@${version}?arch=src`,
    status: 'fixed' as const,
    ...(product === undefined ? {} : { product }),
  });
  const statements = parse(
    vex('CVE-2026-6', [
      fixed('o:redhat:rhel_e4s:9.0::baseos', '1-1.el9_0.7', 'BaseOS-9.0.0.Z.E4S'),
      fixed('o:redhat:rhel_aus:8.2::baseos', '1-1.el8_2.1', 'BaseOS-8.2.0.Z.AUS'),
      fixed('a:redhat:rhel_tus:8.6::appstream', '1-1.el8_6.1', 'AppStream-8.6.0.Z.TUS'),
      fixed('a:redhat:rhel_eus_long_life:8.4::appstream', '1-1.el8_4.1', 'AppStream-8.4.0.Z.EUS.EXTENSION'),
      fixed('o:redhat:rhel_els:7', '1-1.el7_9.1', '7Server-ELS'),
      fixed('o:redhat:rhel_els:6', '1-1.el6_10.1', 'rhel-6.10.els'),
      fixed('o:redhat:enterprise_linux_eus:10.0', '1-1.el10_0.1', 'BaseOS-10.0.Z.EUS'),
      fixed('o:redhat:enterprise_linux:8::baseos', '1-1.el8_10.1', 'BaseOS-8.10.0.Z.MAIN+EUS'),
      fixed('a:redhat:rhel_software_collections:3::el7', '1-9.el7', '7Server-RHSCL-3.8'),
      fixed('a:redhat:rhel_extras_rt_els:7', '1-9.el7', '7Server-RT-ELS'),
    ]),
  );
  assert.deepEqual(Object.fromEntries(statements.map((one) => [one.release, one.fixed])), {
    '6-els': '1-1.el6_10.1',
    '7-els': '1-1.el7_9.1',
    '8': '1-1.el8_10.1',
    '8.10-eus': '1-1.el8_10.1',
    '8.2-aus': '1-1.el8_2.1',
    '8.4-eus-long-life': '1-1.el8_4.1',
    '8.6-tus': '1-1.el8_6.1',
    '9.0-e4s': '1-1.el9_0.7',
    '10.0-eus': '1-1.el10_0.1',
  });
});

test('3.2: 8.10 is the main stream of 8 by the name that documents have for it since 2026, and other streams are none of it', () => {
  const line = (cpe: string, product: string, rest: object) =>
    ({ in: `cpe:/${cpe}`, product, purl: 'kernel?arch=src', status: 'known_affected', ...rest }) as const;
  const will = { none: ['no_fix_planned', 'Will not fix'] };
  const open = parse(
    vex('CVE-2026-8', [
      line('a:redhat:rhel_e6s:8.10', 'rhel-8.10.z', will),
      line('a:redhat:rhel_eus:8.4', 'rhel-8.4.0.z.eus', { none: ['none_available', 'Affected'] }),
    ] as Parameters<typeof vex>[1]),
  );
  assert.deepEqual(open.map(({ release, status }) => [release, status]).toSorted(), [
    ['8', 'wont-fix'],
    ['8.4-eus', 'affected'],
  ]);
  assert.equal(verdict(open, '8', 'kernel', '4.18.0-553.1.1.el8_10'), 'affected');
  const fixed = parse(
    vex('CVE-2026-8', [
      line('a:redhat:rhel_e6s:8.10', 'rhel-8.10.z', {
        purl: 'kernel@4.18.0-553.9.1.el8_10?arch=src',
        status: 'fixed',
      }),
    ] as Parameters<typeof vex>[1]),
  );
  assert.equal(
    verdict(fixed, '8', 'kernel', '4.18.0-553.1.1.el8_10'),
    'affected → 4.18.0-553.9.1.el8_10',
    'and with a fix',
  );
  assert.equal(verdict(fixed, '8.10-e6s', 'kernel', '4.18.0-553.9.1.el8_10'), 'fixed');
});

test('3.1: what is built of a module’s source is of its stream, where documents name that source alone', () => {
  const built = (stream: string, status: 'known_affected' | 'known_not_affected') => ({
    in: rhel(8),
    purl: `npm?upstream=nodejs:${stream}/nodejs`,
    status,
  });
  const statements = parse(vex('CVE-2026-9', [built('18', 'known_affected'), built('20', 'known_not_affected')]));
  assert.deepEqual(
    statements.map(({ status, reason }) => [status, reason]),
    [['unassessed', 'it depends on the stream: nodejs:18 affected']],
  );
  const within = { in: rhel(8), purl: 'npm?arch=src&rpmmod=gimp:flatpak', status: 'known_affected' } as const;
  const image = parse(vex('CVE-2026-9', [within, { ...built('20', 'known_not_affected'), purl: 'npm?arch=src' }]));
  assert.deepEqual(
    image.map(({ status }) => status),
    ['not-affected'],
    'an image is no package of the host',
  );
  // Its fix stands for all that is built of it.
  const mended = parse(
    vex('CVE-2026-9', [
      {
        in: rhel(8),
        purl: 'nodejs@18.20.4-1.module%2Bel8.10.0%2B2%2Bb?arch=src&epoch=1&rpmmod=nodejs:18',
        status: 'fixed',
      },
      {
        in: rhel(8),
        purl: 'npm@10.7.0-1.18.20.4.1.module%2Bel8.10.0%2B2%2Bb?epoch=1&upstream=nodejs:18/nodejs',
        status: 'fixed',
      },
    ]),
  );
  assert.deepEqual(
    mended.map(({ of, name }) => [of, name]),
    [['source', 'nodejs']],
  );
});

/**
 * From Red Hat's own document for this CVE (as of 2025-11-21, CC BY 4.0,
 * https://security.access.redhat.com/data/csaf/v2/vex/2023/cve-2023-38545.json): what is fixed of curl itself.
 */
test('3.2, a real document: in each stream the fix is not affected, and the build before it is', () => {
  const BUILDS = [
    ['9.0.0.Z.EUS', 'rhel_eus:9.0', '9.0-eus', '7.76.1-14.el9_0.', 9],
    ['9.2.0.Z.MAIN.EUS', 'enterprise_linux:9', '9.2-eus', '7.76.1-23.el9_2.', 4],
    ['9.3.0.Z.MAIN', 'enterprise_linux:9', '9', '7.76.1-26.el9_3.', 2],
  ] as const;
  const statements = parse(
    vex(
      'CVE-2023-38545',
      BUILDS.flatMap(([id, cpe, , version, update]) =>
        ['BaseOS', 'AppStream'].map((channel) => ({
          in: `cpe:/${channel === 'BaseOS' ? 'o' : 'a'}:redhat:${cpe}::${channel.toLowerCase()}`,
          product: `${channel}-${id}`,
          purl: `curl@${version}${update}?arch=src`,
          status: 'fixed' as const,
        })),
      ),
    ),
  );
  assert.deepEqual(statements.map(({ release }) => release).toSorted(), ['9', '9.0-eus', '9.2-eus']);
  for (const [, , release, version, update] of BUILDS) {
    const fix = `${version}${update}`;
    assert.equal(verdict(statements, release, 'curl', fix), 'fixed');
    assert.equal(verdict(statements, release, 'curl', `${version}${update - 1}`), `affected → ${fix}`);
    // Whoever has it is known to have the fix, also where nobody knows of extended support.
    assert.equal(verdict(statements, '9', 'curl', fix), 'fixed');
  }
  // Of 9.1 there is no extended support, and of none for SAP anything is said here but what began as EUS.
  assert.equal(verdict(statements, '9', 'curl', '7.76.1-19.el9_1.2'), 'affected → 7.76.1-26.el9_3.2');
  assert.equal(verdict(statements, '9.0-e4s', 'curl', '7.76.1-14.el9_0.8'), 'affected → 7.76.1-14.el9_0.9');
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
