import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemActor, type Actor } from '../../../model/actor.ts';
import { DocumentKind, type DocumentRef, type SequencedEntry } from '../../../model/trail.ts';
import type { EntryDraft } from '../../../platform/context.ts';
import type { RawReply } from '../../../platform/http/route.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { createTrail, type Trail } from '../index.ts';
import { parseCheckpoint, parseVerifierKey, signedBy } from '../verify/note.ts';
import { hashLeaf, verifyInclusion } from '../verify/proof.ts';
import { citedIndexes, type ProvenDocument } from './model.ts';
import { toHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import { DOCUMENTS } from './registry.ts';

const open: TestPlatform[] = [];
after(() => Promise.all(open.map((platform) => platform.close())));

const digest = 'd'.repeat(64);
const spki = { old: 'a'.repeat(64), new: 'b'.repeat(64) };
const host = { kind: 'host' as const, id: 'host_shop', name: 'shop' };
const change = { kind: 'change' as const, id: 'change_1', name: 'Heartbleed on shop' };
const kit = { kind: 'kit' as const, id: 'heartbleed', name: 'Heartbleed' };
const found = {
  id: 'finding_1',
  host: 'shop',
  hostId: 'host_shop',
  endpoint: '127.74.14.10:8443',
  kit: 'heartbleed',
  check: 'probe',
  component: 'nodejs',
  severity: 'critical',
  confidence: 1,
  evidence: { leakedBytes: 16_384 },
};
const alice: Actor = { kind: 'user', id: 'user_alice', name: 'Alice', ip: '192.0.2.7' };
const agent: Actor = { kind: 'agent', id: 'agent_1', name: 'agent_1' };
const system = systemActor('test');
const impact = {
  summary: 'one restart',
  packages: [{ name: 'nodejs', from: '0.10.0-1', to: '0.10.48-1' }],
  files: [],
  restarts: [
    { service: 'shop.service', hostName: 'shop', clients: [{ hostName: 'app', connections: 3, distance: 1 }] },
  ],
  affectedHosts: [],
};

/** A loop as the folders write it down. */
const LOOP: [Actor, EntryDraft][] = [
  [
    system,
    {
      type: 'discovery.host.found',
      subject: host,
      detail: {
        name: 'shop',
        addresses: ['127.74.14.10'],
        identifiers: [{ kind: 'ssh-host-key', value: 'SHA256:x' }],
        claim: 'unknown',
        sources: ['scan'],
        guess: 'web server',
      },
    },
  ],
  [
    system,
    {
      type: 'discovery.endpoint.found',
      subject: { kind: 'endpoint', id: 'endpoint_1' },
      related: [host],
      detail: {
        endpoint: '127.74.14.10:8443',
        service: 'tls',
        hostName: 'shop',
        after: { spki: spki.old, heartbleed: 'vulnerable' },
      },
    },
  ],
  [
    system,
    {
      type: 'enrollment.agent.enrolled',
      subject: { kind: 'agent', id: 'agent_1', name: 'shop' },
      related: [host],
      detail: { hostName: 'shop', agentId: 'agent_1', version: '0.1.0' },
    },
  ],
  [
    system,
    {
      type: 'audit.kit.loaded',
      subject: kit,
      detail: { kit: 'heartbleed', version: '1.0.0', title: 'Heartbleed (CVE-2014-0160)' },
    },
  ],
  [system, { type: 'audit.findings.opened', subject: kit, related: [host], detail: { findings: [found] } }],
  [
    system,
    {
      type: 'audit.exposure.opened',
      subject: { kind: 'exposure', id: 'exposure_1' },
      related: [host],
      detail: {
        kit: 'heartbleed',
        endpoint: '127.74.14.10:8443',
        host: 'shop',
        spki: spki.old,
        serial: '4a',
        cause: 'vulnerable',
      },
    },
  ],
  [
    alice,
    {
      type: 'change.change.created',
      subject: change,
      related: [host],
      reason: 'CVE-2014-0160',
      detail: { title: 'Heartbleed on shop', kit: 'heartbleed', findings: ['finding_1'] },
    },
  ],
  [
    system,
    { type: 'change.plan.made', subject: change, related: [host], detail: { digest, plan: {}, predicted: impact } },
  ],
  [
    { ...alice, name: 'Bob', id: 'user_bob' },
    {
      type: 'change.plan.approved',
      subject: change,
      related: [host],
      detail: { digest, keyId: '00ff00ff00ff00ff', person: 'Bob', signature: 'c2lnbmF0dXJl' },
    },
  ],
  [
    system,
    { type: 'change.wave.started', subject: change, related: [host], detail: { wave: 'canary', hosts: ['shop'] } },
  ],
  [
    agent,
    {
      type: 'change.step.finished',
      subject: change,
      related: [host],
      detail: {
        wave: 'canary',
        host: 'shop',
        step: { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' },
        index: 0,
        phase: 'apply',
        ok: true,
        before: { version: '0.10.0-1' },
        after: { version: '0.10.48-1' },
        error: null,
        signedBy: { agentId: 'agent_1' },
        signature: 'YWdlbnQgc2lnbmF0dXJlIQ==',
      },
    },
  ],
  [
    system,
    {
      type: 'change.change.verified',
      subject: change,
      related: [host],
      detail: {
        endpoints: [{ endpoint: '127.74.14.10:8443', heartbleed: 'safe', spkiBefore: spki.old, spkiAfter: spki.new }],
        findings: [{ id: 'finding_1', state: 'fixed' }],
      },
    },
  ],
  [
    system,
    {
      type: 'audit.findings.fixed',
      subject: kit,
      related: [host],
      detail: {
        findings: [{ id: 'finding_1', host: 'shop', kit: 'heartbleed', evidence: { leakedBytes: 0, verdict: 'safe' } }],
      },
    },
  ],
  [
    system,
    {
      type: 'change.change.closed',
      subject: change,
      related: [host],
      detail: { outcome: 'closed', predicted: impact, observed: impact },
    },
  ],
  [
    system,
    {
      type: 'change.campaign.out',
      subject: { kind: 'campaign', id: 'heartbleed' },
      detail: { kit: 'heartbleed', totals: { endpoints: 1, complete: 1, share: 1, byStep: { patched: 1, proven: 1 } } },
    },
  ],
  [
    system,
    {
      type: 'change.campaign.rekindled',
      subject: { kind: 'campaign', id: 'heartbleed' },
      detail: {
        kit: 'heartbleed',
        totals: { endpoints: 2, share: 0.5, byStep: { patched: 1, proven: 1 } },
        cause: 'built from image web-2014-03',
      },
    },
  ],
];

async function estate(): Promise<{ platform: TestPlatform; trail: Trail }> {
  const platform = await testPlatform();
  open.push(platform);
  const trail = createTrail(platform);
  platform.handle({ ...trail.jobs });
  for (const [actor, entry] of LOOP) await platform.act(actor, entry, async () => undefined);
  return { platform, trail };
}

const get = async (trail: Trail, kind: string, id: string, format: string): Promise<RawReply> => {
  const found = trail.routes.find((route) => route.id === 'getDocument')!;
  return found.handler({
    params: found.params!.parse({ kind, id }),
    query: found.query!.parse({ format }),
    body: undefined,
    actor: alice,
    agent: null,
    ip: '',
    signal: new AbortController().signal,
  }) as Promise<RawReply>;
};

test('6.1, 6.13: when a change closes, its record, its hosts’ dossiers and the campaign report write themselves', async () => {
  const { platform, trail } = await estate();
  await trail.jobs['trail.sequence']!({});
  await platform.drain();
  const list = trail.routes.find((route) => route.id === 'listDocuments')!;
  const { items } = (await list.handler({ query: {} } as never)) as { items: DocumentRef[] };
  const names = items.map((item) => `${item.kind}/${item.id}`).toSorted();
  assert.deepEqual(names, ['campaign/heartbleed', 'change/change_1', 'host/host_shop']);
  for (const item of items) {
    assert.equal(item.files.length, 3);
    for (const file of item.files) {
      const bytes = readFileSync(file.path);
      assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256);
    }
  }
  const rendered = (): Promise<{ total: number }> => {
    const route = trail.routes.find((one) => one.id === 'listTrail')!;
    return route.handler({ query: { limit: 10, type: 'trail.document' } } as never) as never;
  };
  await trail.jobs['trail.sequence']!({});
  assert.equal((await rendered()).total, 3);
  await platform.queue.enqueue('trail.document', { kind: 'change', id: 'change_1' });
  await platform.drain();
  await trail.jobs['trail.sequence']!({});
  assert.equal((await rendered()).total, 3, 'the same again is not written again');
});

test('the change record tells what was found, decided, done and proven, each with its entry', async () => {
  const { platform, trail } = await estate();
  await trail.jobs['trail.sequence']!({});
  await platform.drain();
  const reply = await get(trail, 'change', 'change_1', 'html');
  const html = reply.body as string;
  for (const told of [
    'Heartbleed on shop',
    'leakedBytes: 16384',
    'leakedBytes: 0; verdict: safe',
    '00ff00ff00ff00ff',
    'Bob',
    digest,
    'nodejs 0.10.0-1 → 0.10.48-1',
    'connected: app: 3',
    'upgrade nodejs to 0.10.48-1',
    'version: 0.10.0-1 → 0.10.48-1',
    'agent_1',
    'Verified from outside',
    spki.new.slice(0, 16),
    'CVE-2014-0160',
    'Alice from 192.0.2.7',
  ]) {
    assert.ok(html.includes(told), told);
  }
  assert.match(reply.headers!['content-security-policy']!, /default-src 'none'/);
  const markdown = (await get(trail, 'change', 'change_1', 'md')).body as string;
  assert.match(markdown, /^# Change record: Heartbleed on shop/);
  await assert.rejects(get(trail, 'change', 'change_404', 'html'), { code: 'NOT_FOUND' });
});

test('6.9: every entry that a document names is proven by the document alone, offline', async () => {
  const { trail } = await estate();
  await trail.jobs['trail.sequence']!({});
  for (const [kind, id] of [
    ['change', 'change_1'],
    ['host', 'host_shop'],
    ['campaign', 'heartbleed'],
  ] as const) {
    const document = JSON.parse((await get(trail, kind, id, 'json')).body as string) as ProvenDocument;
    const checkpoint = parseCheckpoint(document.checkpoint.text)!;
    assert.ok(signedBy(checkpoint, parseVerifierKey(document.verifierKey)!));
    assert.ok(document.citations.length >= 5, kind);
    assert.deepEqual(
      document.citations.map((citation) => citation.index),
      citedIndexes(document.body),
    );
    for (const { index, path, text } of document.citations) {
      const claim = { index, size: checkpoint.size, path: path.map((hash) => Buffer.from(hash, 'hex')) };
      assert.ok(verifyInclusion(claim, hashLeaf(Buffer.from(text)), checkpoint.root), `${kind} ${index}`);
      assert.ok(!verifyInclusion(claim, hashLeaf(Buffer.from(`${text} `)), checkpoint.root));
    }
  }
});

test('host dossier and campaign report tell the host’s and the kit’s story', async () => {
  const { trail } = await estate();
  await trail.jobs['trail.sequence']!({});
  const dossier = (await get(trail, 'host', 'host_shop', 'html')).body as string;
  for (const told of [
    'nobody had listed it',
    'SHA256:x',
    'web server',
    '127.74.14.10:8443',
    'nothing open',
    '1 of 1 step done',
  ]) {
    assert.ok(dossier.includes(told), told);
  }
  const report = (await get(trail, 'campaign', 'heartbleed', 'html')).body as string;
  for (const told of [
    'Heartbleed (CVE-2014-0160)',
    'rekindled',
    'built from image web-2014-03',
    '50 %',
    '1 of 2',
    '00ff00ff00ff00ff',
  ]) {
    assert.ok(report.includes(told), told);
  }
});

const entryOf = (index: number, [actor, draft]: [Actor, EntryDraft]): SequencedEntry => ({
  index,
  leafHash: 'e'.repeat(64),
  entry: {
    v: 1,
    id: `entry_${index}`,
    at: '2026-11-20T10:00:00.000Z',
    actor,
    related: [],
    reason: null,
    detail: null,
    ...draft,
  } as SequencedEntry['entry'],
});
const proven = (body: ProvenDocument['body']): ProvenDocument => ({
  body,
  citations: [],
  checkpoint: { text: 'o\n1\nr\n', size: 1, root: 'f'.repeat(64) },
  verifierKey: 'k',
});
test('the report of a campaign in which no key leaked says so, and not that it burns', () => {
  const state = (types: string[]): string => {
    const entries = LOOP.filter(([, draft]) => types.includes(draft.type)).map((one, index) => entryOf(index, one));
    const body = DOCUMENTS.campaign('heartbleed', entries);
    assert.equal(body.lead.includes('No key is known to have leaked'), body.status.text === 'no fire');
    return body.status.text;
  };
  assert.equal(state(['audit.kit.loaded']), 'no fire');
  assert.equal(state(['audit.kit.loaded', 'audit.findings.opened']), 'no fire');
  assert.equal(state(['audit.kit.loaded', 'audit.findings.opened', 'audit.exposure.opened']), 'burning');
});

const IDS = { campaign: 'heartbleed', change: 'change_1', host: 'host_shop' };

test('whatever a host calls itself, nothing of it becomes markup or leaves its table cell', () => {
  const evil = '<script>alert(1)</script><img src=x onerror="x">\'`|\n# **x** [a](javascript:b) \u202e';
  const poison = (value: unknown): unknown => {
    if (typeof value === 'string') return evil;
    if (Array.isArray(value)) return value.map(poison);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        ['id', 'hostId', 'findings', 'kind'].includes(key) && typeof item === 'string' ? item : poison(item),
      ]),
    );
  };
  const entries = LOOP.map(([actor, draft], i) =>
    entryOf(i, [
      { ...actor, name: evil },
      { ...draft, subject: { ...draft.subject, name: evil }, detail: poison(draft.detail) as never },
    ]),
  );
  for (const kind of DocumentKind.options) {
    const document = proven(DOCUMENTS[kind](IDS[kind], entries));
    const html = toHtml(document);
    assert.ok(html.includes('alert(1)'), 'the text is there, as text');
    assert.doesNotMatch(html, /<script|<img|onerror="|\u202e/);
    const markdown = toMarkdown(document);
    const outsideCode = markdown.replaceAll('\\`', '').replace(/(`+)[^`].*?[^`]\1(?!`)/g, '');
    assert.ok(!/(?<!\\)<script|^# \*\*x|\u202e/m.test(outsideCode), kind);
    for (const line of markdown.split('\n').filter((one) => one.startsWith('| '))) {
      assert.ok(line.endsWith(' |'), line);
    }
  }
});

test('entries with fields missing, of other shapes or of unknown types still make a document', () => {
  const shapes = [
    null,
    {},
    [],
    'text',
    7,
    { findings: 'x', endpoints: 3, plan: [], hosts: {}, match: null, totals: [] },
  ];
  for (const detail of shapes) {
    const entries = LOOP.map(([actor, draft], i) => entryOf(i, [actor, { ...draft, detail: detail as never }]));
    entries.push(entryOf(99, [system, { type: 'later.thing.happened', subject: change, related: [host] }]));
    for (const kind of DocumentKind.options) {
      const body = DOCUMENTS[kind](IDS[kind], entries);
      assert.ok(toHtml(proven(body)).includes('</html>'));
      assert.ok(toMarkdown(proven(body)).length > 100);
    }
  }
});

test('the same entries make the same bytes', async () => {
  const { platform, trail } = await estate();
  await trail.jobs['trail.sequence']!({});
  const once = (await get(trail, 'change', 'change_1', 'html')).body;
  assert.equal((await get(trail, 'change', 'change_1', 'html')).body, once);
  await trail.jobs['trail.document']!({ kind: 'change', id: 'change_1' });
  assert.equal(readFileSync(join(platform.config.dataDir, 'documents', 'change-change_1.html'), 'utf8'), once);
});

test('a change with thousands of steps keeps its beginning: every entry is in its record, and proven', async () => {
  const { platform, trail } = await estate();
  const many = 2300;
  await platform.observe(system, async (tx) => {
    for (let n = 0; n < many; n++) {
      const detail = { wave: 'rest', host: `web-${n}`, step: 'service', index: 0, phase: 'apply', ok: true, digest };
      await tx.record({ type: 'change.step.finished', subject: change, related: [host], detail });
    }
  });
  await trail.jobs['trail.sequence']!({});
  const document = JSON.parse((await get(trail, 'change', 'change_1', 'json')).body as string) as ProvenDocument;
  const types = document.citations.map((citation) => citation.type);
  assert.equal(types.filter((type) => type === 'change.step.finished').length, many + 1);
  for (const type of ['change.change.created', 'change.plan.made', 'change.plan.approved', 'discovery.host.found']) {
    assert.ok(types.includes(type), type);
  }
  const dossier = JSON.parse((await get(trail, 'host', 'host_shop', 'json')).body as string) as ProvenDocument;
  assert.equal(dossier.citations.filter((one) => one.type === 'change.step.finished').length, many + 1);
  assert.ok(dossier.citations.some((citation) => citation.type === 'discovery.host.found'));
});
