import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { PackageURL } from 'packageurl-js';
import * as z from 'zod';
import { isAppError } from '../../model/errors/index.ts';
import type { Facts, PackageFact } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { snap } from '../../model/testing/snap.ts';
import type { RawReply } from '../../platform/http/route.ts';
import { dpkgStatus, shared } from './feeds/testing.ts';
import { csvLine } from './logic/export/csv.ts';
import { purlOf } from './logic/export/purl.ts';
import { DEBIAN, debianHost, fixedIn, NEW, OLD, sshd, takeFeed, tracker } from './testing/vulnerabilities.ts';
import { certificate, nodejs, shop, tls, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

async function exported(w: World, id: string, input: { params?: object; query: object }): Promise<string> {
  const found = w.audit.routes.find((one) => one.id === id)!;
  const reply = (await found.handler({
    params: found.params?.parse(input.params),
    query: found.query!.parse(input.query),
    body: undefined,
    actor: { kind: 'user', id: 'user_1', name: 'Olga', role: 'viewer' },
    agent: null,
    ip: '127.0.0.1',
    signal: new AbortController().signal,
  })) as RawReply;
  let text = '';
  for await (const piece of reply.body as AsyncIterable<string>) text += piece;
  return text;
}

/** The published schema; it is of an older draft, in which an id is called otherwise. */
function sarifProblems(text: string): unknown {
  const path = createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
  const { $schema: _schema, id: _id, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, unicodeRegExp: false });
  return ajv.validate(schema, JSON.parse(text)) ? null : ajv.errors;
}

const cycloneDxProblems = (text: string): Promise<unknown> =>
  new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);

/** What OpenVEX 0.2.0 asks of a document, in the words of its specification. */
const OpenVex = z.strictObject({
  '@context': z.literal('https://openvex.dev/ns/v0.2.0'),
  '@id': z.url(),
  author: z.string(),
  timestamp: z.iso.datetime(),
  version: z.int().min(1),
  statements: z
    .array(
      z
        .strictObject({
          vulnerability: z.strictObject({ name: z.string(), aliases: z.array(z.string()).min(1).optional() }),
          timestamp: z.iso.datetime(),
          products: z
            .array(z.strictObject({ '@id': z.url(), identifiers: z.strictObject({ purl: z.string() }).optional() }))
            .min(1),
          status: z.enum(['not_affected', 'affected', 'fixed', 'under_investigation']),
          status_notes: z.string(),
          justification: z.literal('vulnerable_code_not_present').optional(),
          action_statement: z.string().min(1).optional(),
        })
        .refine((one) => (one.status === 'affected') === (one.action_statement !== undefined))
        .refine((one) => (one.status === 'not_affected') === (one.justification !== undefined)),
    )
    .min(1),
});

const at = { address: '10.1.0.1', port: 443 };

async function burning(w: World): Promise<string> {
  const id = await w.find(at.address, 'SHA256:a');
  await w.look(id, at.address, at.port, tls('vulnerable', certificate('one', '01')));
  await w.send(id, shop({ version: '0.10.0-1', pid: 11, startedAt: new Date('2026-11-19T00:00:00Z') }, at));
  await w.settle();
  return id;
}

test('findings go out as SARIF, CSV and JSON lines: valid by the published schema, whole, and the same each time', async () => {
  const w = await world();
  open.push(w);
  for (const format of ['sarif', 'csv', 'jsonl']) {
    const empty = await exported(w, 'exportFindings', { query: { format } });
    if (format === 'sarif') assert.equal(sarifProblems(empty), null);
    else assert.equal(empty.split('\r\n').filter((line) => line !== '').length, format === 'csv' ? 1 : 0);
  }
  await burning(w);
  const findings = await w.audit.findings();
  assert.ok(findings.length >= 2);
  const sarif = await exported(w, 'exportFindings', { query: { format: 'sarif' } });
  assert.equal(sarifProblems(sarif), null);
  assert.notEqual(sarifProblems(sarif.replaceAll('"message"', '"massage"')), null, 'the schema finds what is wrong');
  const [run] = (
    JSON.parse(sarif) as {
      runs: {
        results: { ruleId: string; partialFingerprints: object }[];
        tool: { driver: { rules: { id: string }[] } };
      }[];
    }
  ).runs;
  assert.deepEqual(
    run!.results.map((one) => Object.values(one.partialFingerprints)[0]),
    findings.map(({ id }) => id),
  );
  const rules = new Set(run!.tool.driver.rules.map(({ id }) => id));
  assert.ok(run!.results.every(({ ruleId }) => rules.has(ruleId)));
  const lines = (await exported(w, 'exportFindings', { query: { format: 'jsonl' } })).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as Finding),
    // Feeds say nothing of it here, and nobody accepted it.
    findings.map((one) => ({ ...one, exceptedUntil: null, priority: null, factors: [] })),
  );
  assert.equal(await exported(w, 'exportFindings', { query: { format: 'sarif' } }), sarif);
  const none = await exported(w, 'exportFindings', { query: { format: 'jsonl', state: 'fixed' } });
  assert.equal(none, '');
});

test('no cell of a CSV file is a formula, and a reader gets back what was written', () => {
  const hostile = fc.oneof(fc.string({ unit: fc.constantFrom(...'=+-@\t\r\n",;\'a 1＝') }), fc.string());
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), (cells) => {
      const read = readCsv(csvLine(cells));
      assert.equal(read.length, cells.length);
      for (const [index, cell] of read.entries()) {
        assert.doesNotMatch(cell, /^\s*[=+\-@\t\r＝＋－＠]/);
        assert.ok(cell === cells[index] || cell === `'${cells[index]}`);
      }
    }),
  );
});

/** RFC 4180, one record. */
function readCsv(line: string): string[] {
  const cells: string[] = [];
  for (let rest = line.slice(0, -2); ;) {
    const quoted = /^"((?:[^"]|"")*)"/.exec(rest);
    const text = quoted?.[0] ?? /^[^,]*/.exec(rest)![0];
    cells.push(quoted ? quoted[1]!.replaceAll('""', '"') : text);
    if (text.length === rest.length) return cells;
    rest = rest.slice(text.length + 1);
  }
}

const library = (name: string, path: string): Facts['inventories']['components'][number] => ({
  ecosystem: 'npm',
  name,
  version: '1.2.3',
  path,
  usedBy: ['shop.service'],
  container: false,
});

interface Property {
  name: string;
  value: string;
}
const isSnap = ({ properties = [] }: { properties?: Property[] }): boolean =>
  properties.some(({ name, value }) => name === 'lastember:origin' && value === 'snap');

test('a host’s bill of materials is valid CycloneDX 1.6 with every package of a real Debian and its libraries', async (t) => {
  const status = shared(t, 'lab-12.15.dpkg-status.xz');
  if (!status) return;
  const w = await world();
  open.push(w);
  const id = await w.find(at.address, 'SHA256:a');
  const { os } = shop({ version: '1', pid: 1, startedAt: w.clock.now }, at);
  const packages = dpkgStatus(status.toString('utf8')).map(
    ({ release: _release, stream: _stream, ...one }): PackageFact => ({
      ...one,
      arch: 'amd64',
      status: 'installed',
    }),
  );
  const query = { params: { id }, query: { format: 'cyclonedx' } };
  await assert.rejects(exported(w, 'exportSbom', query), (error) => isAppError(error, 'NOTHING_TO_EXPORT'));
  const components = [library('@a/b', '/srv/a.js'), library('@a/b', '/srv/b.js'), library('c', '/srv/c.js')];
  await w.send(id, { os: { ...os!, versionId: '12' }, packages, inventories: { components, unread: ['/srv/locked'] } });
  const bare = JSON.parse(await exported(w, 'exportSbom', query)) as { components: { properties?: Property[] }[] };
  assert.equal(bare.components.filter(isSnap).length, 0);
  await w.send(id, { snaps: { snaps: [snap({}), snap({ name: 'lxd', version: null, channel: null })], unread: [] } });
  const text = await exported(w, 'exportSbom', query);
  assert.equal(await cycloneDxProblems(text), null);
  assert.notEqual(await cycloneDxProblems(text.replace('"library"', '"librarian"')), null);
  const told = JSON.parse(text) as {
    components: {
      purl?: string;
      name: string;
      version?: string;
      properties?: Property[];
      evidence?: { occurrences: object[] };
    }[];
    compositions: object[];
  };
  assert.deepEqual(
    told.components.filter(isSnap).map(({ name, version, purl }) => [name, version, purl]),
    [
      ['openssl', '3.0.1', 'pkg:generic/openssl@3.0.1?channel=latest%2Fstable&origin=snap&revision=5437'],
      ['lxd', undefined, 'pkg:generic/lxd?origin=snap&revision=5437'],
    ].toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
  );
  const libraries = told.components.filter(({ purl }) => purl?.startsWith('pkg:npm/'));
  assert.deepEqual(
    libraries.map((one) => [one.purl, one.evidence?.occurrences.length]),
    [
      ['pkg:npm/%40a/b@1.2.3', 2],
      ['pkg:npm/c@1.2.3', 1],
    ],
  );
  assert.equal(told.compositions.length, 1, 'what could not be read is no silence');
  const installed = new Map(packages.map((one) => [`${one.name} ${one.version}`, one]));
  const debs = told.components.filter(({ purl }) => purl?.startsWith('pkg:deb/'));
  assert.equal(debs.length, installed.size);
  for (const { purl } of debs) {
    const read = PackageURL.fromString(purl!);
    const one = installed.get(`${read.name} ${read.version}`)!;
    assert.deepEqual([read.qualifiers!['arch'], read.qualifiers!['distro']], [one.arch, 'debian-12']);
    const upstream = read.qualifiers!['upstream'] ?? `${one.name}@${one.version}`;
    assert.equal(upstream, `${one.source}@${one.sourceVersion}`);
  }
  assert.equal(await exported(w, 'exportSbom', query), text);
});

test('package URLs: an rpm’s epoch is a qualifier, names are as each kind writes them', () => {
  const rpm = { ecosystem: 'Red Hat', name: 'openssl', version: '1:3.0.7-27.el9', arch: 'x86_64', versionId: '9.4' };
  assert.equal(purlOf(rpm), 'pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&distro=redhat-9.4&epoch=1');
  assert.equal(purlOf({ ecosystem: 'PyPI', name: 'Foo_Bar', version: '1' }), 'pkg:pypi/foo-bar@1');
  assert.equal(purlOf({ ecosystem: 'Maven', name: 'org.a:b', version: '1' }), 'pkg:maven/org.a/b@1');
  assert.equal(purlOf({ ecosystem: 'Maven', name: 'b', version: '1' }), null);
  assert.equal(purlOf({ ecosystem: 'Plan 9', name: 'b', version: '1' }), null);
});

const openssh = (rest: Partial<PackageFact>): PackageFact => ({
  ...nodejs('1:9.2p1-2+deb12u2'),
  name: 'openssh-server',
  source: 'openssh',
  ...rest,
});

test('the estate’s VEX: each package once however many hosts have it; affected, fixed, not affected and unknown; findings with what was decided', async () => {
  const w = await world();
  open.push(w);
  await assert.rejects(exported(w, 'exportVex', { query: { format: 'openvex' } }), (error) =>
    isAppError(error, 'NOTHING_TO_EXPORT'),
  );
  const shopId = await burning(w);
  const release = (rest: object): object => ({ releases: { bookworm: rest } });
  const tracker = {
    openssh: {
      'CVE-2024-6387': release({ status: 'resolved', fixed_version: '1:9.2p1-2+deb12u3' }),
      'CVE-2020-1': release({ status: 'resolved', fixed_version: '0' }),
      'CVE-2020-2': release({ status: 'undetermined' }),
    },
    linux: { 'CVE-2024-1086': release({ status: 'resolved', fixed_version: '6.1.76-1' }) },
  };
  await w.call('addFeed', { body: { name: 'debian', kind: 'debian-tracker', url: null, settings: {} } });
  const file = Buffer.from(JSON.stringify(tracker)).toString('base64');
  await w.call('importFeed', { params: { name: 'debian' }, body: { file } });
  for (const [last, version] of [
    [2, '1:9.2p1-2+deb12u2'],
    [3, '1:9.2p1-2+deb12u2'],
    [4, '1:9.2p1-2+deb12u3'],
  ] as const) {
    const id = await w.find(`10.1.0.${last}`, `SHA256:${last}`);
    const { os } = shop({ version: '1', pid: 1, startedAt: w.clock.now }, { ...at, name: `h${last}` });
    const image = (release: string, from: string): PackageFact =>
      openssh({
        name: `linux-image-${release}`,
        version: from,
        source: 'linux-signed-amd64',
        sourceVersion: from.replace('-', '+'),
      });
    const packages = [
      openssh({ version, sourceVersion: version }),
      image('6.1.0-1', '6.1.70-1'),
      image('6.1.0-2', '6.1.90-1'),
      openssh({
        name: 'linux-image-6.1.0-1-unsigned',
        version: '6.1.70-1',
        source: 'linux',
        sourceVersion: '6.1.70-1',
      }),
    ];
    await w.send(id, { os: { ...os!, versionId: '12', kernel: '6.1.0-1' }, packages });
  }
  const text = await exported(w, 'exportVex', { query: { format: 'openvex' } });
  const { statements } = OpenVex.parse(JSON.parse(text));
  const ofPackages = statements.filter((one) => one.products[0]!['@id'].startsWith('pkg:'));
  const byPackage = (a: string[], b: string[]): number => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0);
  assert.deepEqual(
    ofPackages
      .map((one) => [PackageURL.fromString(one.products[0]!['@id']).name, one.vulnerability.name, one.status])
      .toSorted(byPackage),
    [
      ['linux-image-6.1.0-1', 'CVE-2024-1086', 'affected'],
      ['linux-image-6.1.0-1-unsigned', 'CVE-2024-1086', 'affected'],
      ['openssh-server', 'CVE-2020-1', 'not_affected'],
      ['openssh-server', 'CVE-2020-2', 'under_investigation'],
      ['openssh-server', 'CVE-2024-6387', 'affected'],
      ['openssh-server', 'CVE-2020-1', 'not_affected'],
      ['openssh-server', 'CVE-2020-2', 'under_investigation'],
      ['openssh-server', 'CVE-2024-6387', 'fixed'],
    ].toSorted(byPackage),
  );
  const ofShop = statements.filter((one) => one.products[0]!['@id'] === `urn:lastember:host:${shopId}`);
  assert.ok(ofShop.some((one) => one.vulnerability.name === 'CVE-2014-0160' && one.status === 'affected'));
  const cyclone = await exported(w, 'exportVex', { query: { format: 'cyclonedx' } });
  assert.equal(await cycloneDxProblems(cyclone), null);
  const told = JSON.parse(cyclone) as {
    vulnerabilities: { affects: { ref: string }[] }[];
    components: { 'bom-ref': string }[];
  };
  const refs = new Set(told.components.map((one) => one['bom-ref']));
  assert.equal(told.vulnerabilities.length, statements.length);
  assert.ok(told.vulnerabilities.every(({ affects }) => refs.has(affects[0]!.ref)));
  const one = OpenVex.parse(
    JSON.parse(await exported(w, 'exportVex', { query: { format: 'openvex', cve: 'cve-2024-1086' } })),
  );
  assert.deepEqual([...new Set(one.statements.map(({ vulnerability }) => vulnerability.name))], ['CVE-2024-1086']);
  // What is asked of one alone is looked for by its packages, and is what stands in the whole.
  for (const name of new Set(statements.map(({ vulnerability }) => vulnerability.name))) {
    const query = { format: 'openvex', cve: name.toLowerCase() };
    const alone = OpenVex.parse(JSON.parse(await exported(w, 'exportVex', { query })));
    assert.deepEqual(
      alone.statements,
      statements.filter(({ vulnerability: { name: id, aliases = [] } }) => [id, ...aliases].includes(name)),
      name,
    );
  }
  assert.equal(await exported(w, 'exportVex', { query: { format: 'openvex' } }), text);

  const [hole] = await w.audit.findings({ hostId: shopId, advisory: 'CVE-2014-0160' });
  const actor = { kind: 'user', id: 'user_1', name: 'Olga', role: 'admin' } as const;
  await w.platform.act(
    actor,
    { type: 'impact.exception.added', subject: { kind: 'exception', id: 'exception_1' } },
    (tx) => w.audit.setFindingState(tx, [hole!.id], 'excepted', { exceptionId: 'exception_1' }),
  );
  const later = OpenVex.parse(JSON.parse(await exported(w, 'exportVex', { query: { format: 'openvex' } })));
  const accepted = later.statements.filter((each) => each.status_notes.includes(hole!.id));
  assert.ok(accepted.length > 0);
  for (const each of accepted) {
    assert.equal(each.status, 'affected', 'an accepted risk is one');
    assert.match(each.action_statement!, /accepted for a time by exception exception_1/);
  }
  const sarif = JSON.parse(await exported(w, 'exportFindings', { query: { format: 'sarif' } })) as {
    runs: { results: { suppressions?: object[] }[] }[];
  };
  assert.equal(sarif.runs[0]!.results.filter(({ suppressions }) => suppressions !== undefined).length, 1);
});

test('an exception for an advisory is in the VEX: affected still, accepted until when and why, on its hosts or on all', async () => {
  const w = await world();
  open.push(w);
  // One that no kit knows, so that no finding speaks of it.
  const advisory = 'CVE-2023-1111';
  await takeFeed(w, DEBIAN, tracker({ openssh: { [advisory]: fixedIn(NEW, 'high') } }));
  const [a, b] = [await debianHost(w, 1, [sshd(OLD)]), await debianHost(w, 2, [sshd(OLD)])];
  await w.settle();
  const actor = { kind: 'user', id: 'user_1', name: 'Olga', role: 'admin' } as const;
  const until = new Date(w.clock.now.getTime() + 30 * 86_400_000);
  const accept = (exceptionId: string, hosts: string[] | null, control: string | null): Promise<unknown> =>
    w.platform.act(actor, { type: 'impact.exception.added', subject: { kind: 'exception', id: exceptionId } }, (tx) =>
      w.audit.acceptAdvisory(tx, { exceptionId, advisory, hosts, until, reason: 'no way in', control, at: tx.now }),
    );
  const vex = async (format: 'openvex' | 'cyclonedx') =>
    JSON.parse(await exported(w, 'exportVex', { query: { format } })) as unknown;
  const told = async () => {
    const document = OpenVex.parse(await vex('openvex'));
    return { ...document, statements: document.statements.filter((one) => one.vulnerability.name === advisory) };
  };
  const before = await told();
  await accept('exception_1', [a], 'the port is filtered');
  const some = await told();
  const products = (doc: z.infer<typeof OpenVex>) => doc.statements.map((one) => one.products[0]!['@id']);
  assert.deepEqual(
    products(some).filter((id) => id.startsWith('urn:')),
    [`urn:lastember:host:${a}`],
  );
  assert.ok(!products(some).includes(`urn:lastember:host:${b}`));
  const held = some.statements.find((one) => one.products[0]!['@id'].endsWith(a))!;
  assert.equal(held.status, 'affected', 'an accepted risk is one');
  const words = [until.toISOString(), 'exception_1', 'no way in', 'the port is filtered', NEW];
  for (const word of words) assert.ok(held.action_statement!.includes(word), `${word}: ${held.action_statement}`);
  const ofPackage = (doc: z.infer<typeof OpenVex>) =>
    doc.statements.find((one) => one.products[0]!['@id'].startsWith('pkg:'))!;
  assert.equal(ofPackage(some).action_statement, `Update to ${NEW}`, 'elsewhere nobody accepted it');
  const cyclone = await vex('cyclonedx');
  assert.equal(await cycloneDxProblems(JSON.stringify(cyclone)), null);
  const { vulnerabilities } = cyclone as {
    vulnerabilities: { id: string; affects: { ref: string }[]; analysis: object; workaround?: string }[];
  };
  const { analysis, workaround } = vulnerabilities.find(
    (one) => one.id === advisory && one.affects[0]!.ref.endsWith(a),
  )!;
  assert.deepEqual([(analysis as { state: string }).state, workaround], ['exploitable', 'the port is filtered']);

  await accept('exception_2', null, null);
  const all = await told();
  assert.equal(ofPackage(all).status, 'affected');
  assert.match(ofPackage(all).action_statement!, /accepted until .* by exception exception_2: no way in\. Update to/);
  assert.equal(new Set([before, some, all].map((doc) => doc['@id'])).size, 3, 'other knowledge is another document');
  await w.platform.act(
    actor,
    { type: 'impact.exception.ended', subject: { kind: 'exception', id: 'exception_1' } },
    async (tx) => {
      await w.audit.acceptNoMore(tx, 'exception_1');
      await w.audit.acceptNoMore(tx, 'exception_2');
    },
  );
  const after = await told();
  assert.deepEqual([after.statements, after['@id']], [before.statements, before['@id']]);
});

test('an exception for one CVE of an erratum leaves the erratum in the VEX as it was; its own name accepts it, on hosts as on all', async () => {
  const w = await world();
  open.push(w);
  const erratum = {
    id: 'DSA-9000-1',
    modified: '2026-11-20T00:00:00Z',
    upstream: ['CVE-2026-1000', 'CVE-2026-2000'],
    affected: [
      {
        package: { name: 'openssh', ecosystem: 'Debian:12' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: NEW }] }],
      },
    ],
  };
  await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } }, [erratum]);
  const a = await debianHost(w, 1, [sshd(OLD)]);
  await w.settle();
  const subject = { kind: 'exception', id: 'exception_1' } as const;
  const until = new Date(w.clock.now.getTime() + 30 * 86_400_000);
  const words = { until, reason: 'no way in', control: null, at: w.clock.now };
  const told = async (advisory: string, hosts: string[] | null) => {
    const actor = { kind: 'user', id: 'user_1', name: 'Olga', role: 'admin' } as const;
    await w.platform.act(actor, { type: 'impact.exception.added', subject }, async (tx) => {
      await w.audit.acceptNoMore(tx, subject.id);
      await w.audit.acceptAdvisory(tx, { exceptionId: subject.id, advisory, hosts, ...words });
    });
    const { statements } = OpenVex.parse(JSON.parse(await exported(w, 'exportVex', { query: { format: 'openvex' } })));
    return statements.filter(({ action_statement }) => action_statement?.includes('is accepted until')).length;
  };
  for (const hosts of [null, [a]]) {
    assert.equal(await told('CVE-2026-1000', hosts), 0, 'the other CVE is as open as before');
    assert.equal(await told('dsa-9000-1', hosts), 1);
  }
});
