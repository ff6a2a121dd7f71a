import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import type { ExportLine } from '../../../model/trail.ts';
import { checkpointText, rawPublicKey, signNote, verifierKey } from '../logic/note.ts';
import { append, EMPTY_ROOT, leafHash, nodeHash } from '../logic/tree.ts';
import { splitCheckpoints, splitLines, verifyTrail } from './index.ts';

const ORIGIN = 'lastember.test/trail';
const trailKey = generateKeyPairSync('ed25519').privateKey;
const agentKey = generateKeyPairSync('ed25519').privateKey;
const approverKey = generateKeyPairSync('ed25519').privateKey;
const AT = '2026-11-20T10:00:00.000Z';
const base64Key = (key: KeyObject): string => rawPublicKey(key).toString('base64');
const signJson = (value: unknown, key: KeyObject): string =>
  sign(null, Buffer.from(canonicalize(value)!), key).toString('base64');
const digestOf = (value: unknown): string => createHash('sha256').update(canonicalize(value)!).digest('hex');

function entryText(
  n: number,
  type = 'discovery.host.found',
  subject = { kind: 'host', id: `host_${n}` },
  detail: unknown = { n },
): string {
  const actor = { kind: 'system', id: 'system', name: 'test' };
  return canonicalize({ v: 1, id: `entry_${n}`, at: AT, actor, type, subject, related: [], reason: null, detail })!;
}

/** An export of the texts given, with a checkpoint after each batch. */
function exported(batches: string[][], key: KeyObject = trailKey): ExportLine[] {
  const all = batches.flat();
  const lines: ExportLine[] = [
    {
      kind: 'header',
      format: 'lastember/trail-export/v1',
      origin: ORIGIN,
      verifierKey: verifierKey(ORIGIN, rawPublicKey(key)),
      size: all.length,
    },
  ];
  let size = 0;
  let frontier: Buffer[] = [];
  for (const batch of batches) {
    const leaves = batch.map((text) => leafHash(Buffer.from(text)));
    for (const [i, text] of batch.entries()) lines.push({ kind: 'entry', index: size + i, text });
    ({ size, frontier } = append(size, frontier, leaves));
    const root = frontier.length === 0 ? EMPTY_ROOT : frontier.reduceRight((right, left) => nodeHash(left, right));
    const text = signNote(checkpointText(ORIGIN, size, root), ORIGIN, key);
    lines.push({ kind: 'checkpoint', text, leaves: leaves.map((leaf) => leaf.toString('hex')) });
  }
  return lines;
}

const verify = (lines: ExportLine[], options = {}) =>
  verifyTrail(
    lines.map((line) => JSON.stringify(line)),
    options,
  );
const ten = (): string[] => Array.from({ length: 10 }, (_, n) => entryText(n));
const batches = (texts: string[]): string[][] => [texts.slice(0, 3), texts.slice(3, 4), texts.slice(4)];
const pinned = { key: verifierKey(ORIGIN, rawPublicKey(trailKey)) };
const checkpointsOf = (lines: ExportLine[]): string[] =>
  lines.flatMap((l) => (l.kind === 'checkpoint' ? [l.text] : []));

test('an untouched export verifies, with its size, root and counts', async () => {
  const verdict = await verify(exported(batches(ten())), pinned);
  assert.deepEqual(verdict.problems, []);
  assert.ok(verdict.verified);
  assert.equal(verdict.size, 10);
  assert.equal(verdict.checked.entries, 10);
  assert.equal(verdict.checked.checkpoints, 3);
});

test('6.5: one changed byte in any entry is found and names that entry, and only that', async () => {
  const untouched = exported(batches(ten()));
  for (const [at, line] of untouched.entries()) {
    if (line.kind !== 'entry') continue;
    const lines = untouched.with(at, { ...line, text: line.text.replace(`"n":${line.index}`, `"n":7${line.index}`) });
    const verdict = await verify(lines, pinned);
    assert.equal(verdict.verified, false);
    assert.equal(verdict.problems.length, 1, verdict.problems.join('\n'));
    assert.match(verdict.problems[0]!, new RegExp(`^entry ${line.index} \\(.*entry_${line.index}\\) was altered`));
  }
});

test('6.5: an entry that is removed, inserted, moved, doubled or renumbered is named', async () => {
  const untouched = exported(batches(ten()));
  const at = (index: number): number => untouched.findIndex((l) => l.kind === 'entry' && l.index === index);
  const stranger: ExportLine = { kind: 'entry', index: 6, text: entryText(99) };
  const cases: [string, ExportLine[], RegExp[]][] = [
    ['removed', untouched.toSpliced(at(5), 1), [/^entry 5 was removed$/]],
    ['inserted', untouched.toSpliced(at(6), 0, stranger), [/entry_99\) numbered 6 was inserted/]],
    ['moved', untouched.toSpliced(at(5), 1).toSpliced(at(8), 0, untouched[at(5)]!), [/^entry 5 .* was reordered/]],
    ['doubled', untouched.toSpliced(at(5), 0, untouched[at(5)]!), [/^entry 5 .* is there twice/]],
    ['renumbered', untouched.with(at(5), { ...stranger, index: 50, text: ten()[5]! }), [/^entry 5 .* is numbered 50/]],
  ];
  for (const [name, lines, expected] of cases) {
    const verdict = await verify(lines, pinned);
    assert.equal(verdict.verified, false, name);
    assert.equal(verdict.problems.length, expected.length, `${name}: ${verdict.problems.join('\n')}`);
    for (const [i, pattern] of expected.entries()) assert.match(verdict.problems[i]!, pattern, name);
  }
});

test('6.5: what was reordered is called so, also across a checkpoint, whether texts or lines changed places', async () => {
  const untouched = exported(batches(ten()));
  const at = (index: number): number => untouched.findIndex((l) => l.kind === 'entry' && l.index === index);
  const swapped = (a: number, b: number, how: 'texts' | 'lines'): ExportLine[] => {
    const [one, two] = [untouched[at(a)]!, untouched[at(b)]!] as (ExportLine & { kind: 'entry' })[];
    if (how === 'lines') return untouched.with(at(a), two!).with(at(b), one!);
    return untouched.with(at(a), { ...one!, text: two!.text }).with(at(b), { ...two!, text: one!.text });
  };
  const across = /^entries 2 \(.*entry_2\) and 3 \(.*entry_3\) were reordered: each stands in the place of the other$/;
  // An entry and a checkpoint changed places: it stands behind the signature that covers it.
  const behind = untouched.with(at(2), untouched[at(2) + 1]!).with(at(2) + 1, untouched[at(2)]!);
  const last = untouched.toSpliced(at(9), 1).concat(untouched[at(9)]!);
  const cases: [ExportLine[], RegExp][] = [
    [swapped(2, 3, 'texts'), across],
    [swapped(2, 3, 'lines'), across],
    [swapped(5, 6, 'texts'), /^entry [56] \(.*entry_[56]\) was reordered/],
    [swapped(5, 6, 'lines'), /^entry [56] \(.*entry_[56]\) was reordered/],
    [behind, /^entry 2 \(.*entry_2\) was reordered/],
    [last, /^entry 9 \(.*entry_9\) was reordered/],
  ];
  for (const [i, [lines, pattern]] of cases.entries()) {
    const { problems } = await verify(lines, pinned);
    assert.equal(problems.length, 1, `${i}: ${problems.join('\n')}`);
    assert.match(problems[0]!, pattern);
  }
});

test('6.5: an enrollment that was removed is what is wrong; what rests on it is said once, as its consequence', async () => {
  const agent = { kind: 'agent', id: 'agent_1' };
  const enrolled = { agentId: 'agent_1', publicKey: base64Key(agentKey) };
  const outcome = { taskId: 't', index: 0, kind: 'service', phase: 'apply', ok: true, changed: true };
  const times = { startedAt: AT, finishedAt: AT, before: {}, after: {}, error: null };
  const signed = { agentId: 'agent_1', plan: digestOf('plan'), outcome: { ...outcome, ...times }, signature: '' };
  const step = (n: number): string =>
    entryText(n, 'change.step.finished', { kind: 'change', id: 'change_1' }, { digest: digestOf('plan'), signed });
  const lines = exported([[entryText(0, 'enrollment.agent.enrolled', agent, enrolled)], [1, 2, 3].map(step)]);
  const { problems } = await verify(
    lines.filter((line) => !(line.kind === 'entry' && line.index === 0)),
    pinned,
  );
  assert.deepEqual(problems, [
    'entry 0 was removed',
    'possibly a consequence of the damage to the trail: entries 1, 2, 3 rest on the enrollment of agent agent_1, which is not there',
  ]);
});

test('6.5: whoever renumbers the rest or forges leaf hashes too is still found', async () => {
  const untouched = exported(batches(ten()));
  const renumbered = untouched
    .filter((l) => !(l.kind === 'entry' && l.index === 5))
    .map((l) => (l.kind === 'entry' && l.index > 5 ? { ...l, index: l.index - 1 } : l));
  assert.deepEqual((await verify(renumbered, pinned)).problems, ['entry 5 was removed']);
  const text = entryText(4, 'discovery.host.found', undefined, { n: 'other' });
  const forgedLeaf = leafHash(Buffer.from(text)).toString('hex');
  const forged = untouched.map((l): ExportLine => {
    if (l.kind === 'entry' && l.index === 4) return { ...l, text };
    return l.kind === 'checkpoint' && l.leaves.length === 6 ? { ...l, leaves: l.leaves.with(0, forgedLeaf) } : l;
  });
  const verdict = await verify(forged, pinned);
  assert.match(verdict.problems.join('\n'), /entries 4 to 9 do not lead to the signed root of size 10/);
});

test('6.7: truncation at a checkpoint is seen with a remembered checkpoint, and only with one', async () => {
  const untouched = exported(batches(ten()));
  const cut = untouched.slice(
    0,
    untouched.findIndex((l) => l.kind === 'entry' && l.index === 4),
  );
  const remembered = checkpointsOf(untouched);
  assert.equal((await verify(cut, pinned)).verified, true);
  const verdict = await verify(cut, { ...pinned, remembered });
  assert.match(
    verdict.problems.join('\n'),
    /truncated: a checkpoint of size 10 is remembered, entries 4 to 9 are missing/,
  );
  assert.equal((await verify(untouched, { ...pinned, remembered })).verified, true);
});

test('6.7: a history rewritten and signed anew contradicts the remembered checkpoint or the pinned key', async () => {
  const remembered = checkpointsOf(exported(batches(ten()))).slice(0, 2);
  const rewritten = batches(ten().with(1, entryText(77)));
  const sameKey = await verify(exported(rewritten), { ...pinned, remembered });
  assert.match(sameKey.problems.join('\n'), /the first 3 entries were rewritten/);
  const thief = generateKeyPairSync('ed25519').privateKey;
  const otherKey = await verify(exported(rewritten, thief), pinned);
  assert.match(otherKey.problems.join('\n'), /another key than the pinned one/);
  assert.match(otherKey.problems.join('\n'), /checkpoint of size 3 is forged/);
  const unpinned = await verify(exported(rewritten, thief), { remembered });
  assert.match(unpinned.problems.join('\n'), /remembered checkpoint of size 3 is not signed by the key of this trail/);
});

test('entries behind the last checkpoint count as not signed, and damaged lines are named', async () => {
  const lines = exported(batches(ten()));
  const verdict = await verify([...lines, { kind: 'entry', index: 10, text: entryText(10) }], pinned);
  assert.match(verdict.problems.join('\n'), /entries 10 to 10 are covered by no valid checkpoint/);
  const texts = lines.map((l) => JSON.stringify(l));
  const broken = await verifyTrail(texts.with(3, '{"kind":"entry"'), pinned);
  assert.match(broken.problems.join('\n'), /line 4 is no part of a trail export/);
  assert.match(broken.problems.join('\n'), /entry 2 was removed/);
  assert.equal((await verifyTrail([], pinned)).verified, true, 'an empty trail is a trail');
  assert.equal((await verifyTrail([], {})).verified, false, 'but not without any key');
});

test('property: any single damage to a random export is noticed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(),
      fc.constantFrom('flip', 'drop', 'swap'),
      async (sizes, a, b, how) => {
        let n = 0;
        const lines = exported(sizes.map((size) => Array.from({ length: size }, () => entryText(n++))));
        const text = lines.map((l) => JSON.stringify(l));
        const i = 1 + (a % (text.length - 1));
        const damaged = damage(text, i, b, how);
        if (damaged.join('\n') === text.join('\n')) return;
        const remembered = checkpointsOf(lines);
        const verdict = await verifyTrail(damaged, { ...pinned, remembered });
        assert.equal(verdict.verified, isSameMeaning(text, damaged), damaged.join('\n'));
      },
    ),
    { numRuns: 150 },
  );
});

function damage(text: string[], i: number, b: number, how: string): string[] {
  if (how === 'drop') return text.toSpliced(i, 1);
  if (how === 'swap') {
    const j = 1 + (b % (text.length - 1));
    return text.with(i, text[j]!).with(j, text[i]!);
  }
  const line = text[i]!;
  const at = b % line.length;
  return text.with(i, line.slice(0, at) + (line[at] === 'x' ? 'y' : 'x') + line.slice(at + 1));
}

/** A flip may hit base64 padding bits or such that decode to the same: then nothing was damaged. */
function isSameMeaning(before: string[], after: string[]): boolean {
  return before.length === after.length && before.every((line, i) => line === after[i]);
}

test('6.12, 6.9: plans, approvals and host-signed outcomes on the trail are verified; forgeries are named', async () => {
  const agent = { kind: 'agent', id: 'agent_1' };
  const change = { kind: 'change', id: 'change_1' };
  const tasks = [{ hostName: 'shop', steps: [{ kind: 'service' }, { kind: 'verify-served' }] }];
  const plan = { type: 'lastember/plan/v1', author: 'user_1', changeId: 'change_1', waves: [{ tasks }] };
  const digest = digestOf(plan);
  const keyId = createHash('sha256').update(rawPublicKey(approverKey)).digest('hex').slice(0, 16);
  const statement = { type: 'lastember/approval/v1', changeId: 'change_1', plan: digest, keyId, approvedAt: AT };
  const outcome = {
    taskId: 't',
    index: 0,
    kind: 'service',
    phase: 'apply',
    ok: true,
    changed: true,
    startedAt: AT,
    finishedAt: AT,
    before: {},
    after: {},
    error: null,
  };
  const signature = signJson({ plan: digest, outcome }, agentKey);
  const good = {
    enrolled: { agentId: 'agent_1', publicKey: base64Key(agentKey) },
    key: { keyId, publicKey: base64Key(approverKey) },
    plan: { digest, plan },
    approval: { digest, keyId, approval: { statement, signature: signJson(statement, approverKey) } },
    step: {
      digest,
      signed: { agentId: 'agent_1', plan: digest, outcome, signature },
      signedBy: { agentId: 'agent_1' },
    },
    server: { digest, signedBy: 'server', host: 'shop', step: 'verify-served', index: 1 },
  };
  const trail = (d: typeof good): ExportLine[] =>
    exported([
      [
        entryText(0, 'enrollment.agent.enrolled', agent, d.enrolled),
        entryText(1, 'auth.key.added', { kind: 'key', id: keyId }, d.key),
        entryText(2, 'change.plan.made', change, d.plan),
        entryText(3, 'change.plan.approved', change, d.approval),
        entryText(4, 'change.step.finished', change, d.step),
        entryText(5, 'change.step.finished', change, d.server),
      ],
    ]);
  const verdict = await verify(trail(good), pinned);
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual([verdict.checked.plans, verdict.checked.approvals, verdict.checked.outcomes], [1, 1, 1]);

  const lie = { ...outcome, after: { version: 'fixed' } };
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const forgeries: [RegExp, typeof good][] = [
    [
      /entry 4 .*forged: the signature is not of agent agent_1/,
      { ...good, step: { ...good.step, signed: { ...good.step.signed, outcome: lie } } },
    ],
    [
      /entry 4 .*never saw enrol \(agent_2\)/,
      { ...good, step: { ...good.step, signed: { ...good.step.signed, agentId: 'agent_2' } } },
    ],
    [
      /entry 3 .*approver key .* is forged/,
      { ...good, approval: { ...good.approval, approval: { statement, signature: signJson(statement, stranger) } } },
    ],
    [/entry 2 .*does not have the digest stated/, { ...good, plan: { digest, plan: { ...plan, author: 'user_2' } } }],
    [/entry 3 .*was not registered then/, { ...good, key: { ...good.key, keyId: 'ffffffffffffffff' } }],
    [
      /entry 5 .*a step of the host \(service\) that no host signed/,
      { ...good, server: { ...good.server, step: 'service', index: 0 } },
    ],
    [/entry 5 .*the plan has no step 0, verify-served, for shop/, { ...good, server: { ...good.server, index: 0 } }],
    [/entry 5 .*the plan has no step 1, verify-served, for pay/, { ...good, server: { ...good.server, host: 'pay' } }],
    [
      /entry 5 .*nobody approved, and that is not on the trail/,
      { ...good, server: { ...good.server, digest: 'f'.repeat(64) } },
    ],
  ];
  for (const [pattern, details] of forgeries) {
    const forged = await verify(trail(details), pinned);
    assert.match(forged.problems.join('\n'), pattern);
  }

  // A host without an agent signs nothing. That is taken where the approved plan says so, by who was pinned there, and named.
  const access = { accessId: 'access_1', approverKeyIds: [keyId] };
  const farTasks = [{ hostName: 'old', agentId: 'access_1', over: 'ssh', steps: [{ kind: 'service' }] }];
  const farPlan = { ...plan, waves: [{ tasks: [...tasks, ...farTasks] }] };
  const farDigest = digestOf(farPlan);
  const farStatement = { ...statement, plan: farDigest };
  const farApproval = { statement: farStatement, signature: signJson(farStatement, approverKey) };
  const observed = {
    digest: farDigest,
    signedBy: 'server',
    overSsh: 'access_1',
    host: 'old',
    step: 'service',
    index: 0,
  };
  const far = (granted: object, step: object): ExportLine[] =>
    exported([
      [
        entryText(0, 'enrollment.access.granted', { kind: 'host', id: 'host_1' }, granted),
        entryText(1, 'auth.key.added', { kind: 'key', id: keyId }, good.key),
        entryText(2, 'change.plan.made', change, { digest: farDigest, plan: farPlan }),
        entryText(3, 'change.plan.approved', change, { digest: farDigest, keyId, approval: farApproval }),
        entryText(4, 'change.step.finished', change, step),
      ],
    ]);
  const told = await verify(far(access, observed), pinned);
  assert.deepEqual(told.problems, []);
  assert.deepEqual([told.checked.outcomes, told.checked.observed], [0, 1]);
  assert.match(told.notes.join(), /1 step\(s\) .*without an agent \(old\): observed by the server, signed by no host/);
  const unfit: [RegExp, object, object][] = [
    [/a step of the host \(service\) that no host signed$/m, access, { ...observed, overSsh: undefined }],
    [/does not say that shop is changed over SSH/, access, { ...observed, host: 'shop' }],
    [/does not say that old is changed over SSH by access_2/, access, { ...observed, overSsh: 'access_2' }],
    [/has no step 0, sysctl, for old/, access, { ...observed, step: 'sysctl' }],
    [/never saw granted \(access_1\)/, { ...access, accessId: 'access_3' }, observed],
    [/only 0 of 1 approvals are by approvers who were pinned to old/, { ...access, approverKeyIds: [] }, observed],
  ];
  for (const [pattern, granted, step] of unfit)
    assert.match((await verify(far(granted, step), pinned)).problems.join('\n'), pattern);

  // Who could approve is a matter of when: a key that was revoked before, and the plan's own author, cannot.
  const revoked = { keyId };
  const own = { ...plan, author: 'system' };
  const late: [RegExp, string[]][] = [
    [
      /entry 3 .*was not registered then/,
      [
        entryText(0, 'auth.key.added', { kind: 'key', id: keyId }, good.key),
        entryText(1, 'auth.key.revoked', { kind: 'key', id: keyId }, revoked),
        entryText(2, 'change.plan.made', change, good.plan),
        entryText(3, 'change.plan.approved', change, good.approval),
      ],
    ],
    [
      /entry 1 .*approved their own plan/,
      [
        entryText(0, 'change.plan.made', change, { digest: digestOf(own), plan: own }),
        entryText(1, 'change.plan.approved', change, {
          digest: digestOf(own),
          keyId,
          approval: { statement: { ...statement, plan: digestOf(own) }, signature },
        }),
      ],
    ],
    [
      /entry 1 .*enrolled before with another key/,
      [
        entryText(0, 'enrollment.agent.enrolled', agent, good.enrolled),
        entryText(1, 'enrollment.agent.enrolled', agent, { ...good.enrolled, publicKey: base64Key(stranger) }),
      ],
    ],
    [
      /entry 1 .*a step of a plan that nobody approved/,
      [
        entryText(0, 'enrollment.agent.enrolled', agent, good.enrolled),
        entryText(1, 'change.step.finished', change, good.step),
      ],
    ],
  ];
  for (const [pattern, texts] of late) {
    assert.match((await verify(exported([texts]), pinned)).problems.join('\n'), pattern);
  }
});

test('6.9: a plan that needs two people is not approved by two keys of one; nor does the server go on alone', async () => {
  const change = { kind: 'change', id: 'change_1' };
  const tasks = [{ hostName: 'shop', steps: [{ kind: 'verify-served' }] }];
  const plan = { author: 'user_1', changeId: 'change_1', approvalsRequired: 2, waves: [{ tasks }] };
  const digest = digestOf(plan);
  let n = 0;
  const by = (person: string, type: string, subject: { kind: string; id: string }, detail: unknown): string => {
    const entry = JSON.parse(entryText(n++, type, subject, detail)) as Record<string, unknown>;
    return canonicalize({ ...entry, actor: { kind: 'user', id: person, name: person } })!;
  };
  const approval = (person: string): string[] => {
    const secret = generateKeyPairSync('ed25519').privateKey;
    const keyId = createHash('sha256').update(rawPublicKey(secret)).digest('hex').slice(0, 16);
    const statement = { type: 'lastember/approval/v1', changeId: 'change_1', plan: digest, keyId, approvedAt: AT };
    const signed = { digest, keyId, statement, signature: signJson(statement, secret) };
    const key = { kind: 'key', id: keyId };
    return [
      by(person, 'auth.key.added', key, { keyId, publicKey: base64Key(secret) }),
      by(person, 'change.plan.approved', change, signed),
    ];
  };
  const made = (): string => by('user_1', 'change.plan.made', change, { digest, plan });
  const step = (): string =>
    entryText(n++, 'change.step.finished', change, {
      digest,
      signedBy: 'server',
      host: 'shop',
      step: 'verify-served',
      index: 0,
    });
  const problems = async (texts: string[]): Promise<string[]> => (await verify(exported([texts]), pinned)).problems;
  assert.deepEqual(await problems([made(), ...approval('user_2'), ...approval('user_3'), step()]), []);
  const twoKeys = await problems([made(), ...approval('user_2'), ...approval('user_2'), step()]);
  assert.equal(twoKeys.length, 1);
  assert.match(twoKeys[0]!, /a step of a plan that only 1 of 2 approved/);
  assert.match((await problems([made(), step()]))[0]!, /a step of a plan that nobody approved/);
  assert.match((await problems([step()]))[0]!, /nobody approved, and that is not on the trail/);
  const own = await problems([made(), ...approval('user_1')]);
  assert.match(own[0]!, /approved their own plan/);
});

test('2.7: a deployment that asked for approval and began without it, or with a forged one, is named', async () => {
  const deployment = { kind: 'deployment', id: 'dep_1' };
  const plan = {
    type: 'lastember/deployment/v1',
    deploymentId: 'dep_1',
    author: 'user_2',
    approvalsRequired: 1,
    hosts: [],
  };
  const digest = digestOf(plan);
  const keyId = createHash('sha256').update(rawPublicKey(approverKey)).digest('hex').slice(0, 16);
  const statement = { type: 'lastember/approval/v1', changeId: 'dep_1', plan: digest, keyId, approvedAt: AT };
  const key = entryText(0, 'auth.key.added', { kind: 'key', id: keyId }, { keyId, publicKey: base64Key(approverKey) });
  const planned = (what: unknown = plan): string =>
    entryText(1, 'enrollment.deployment.planned', deployment, { digest, plan: what });
  const approved = (by = approverKey): string =>
    entryText(2, 'enrollment.deployment.approved', deployment, {
      digest,
      keyId,
      statement,
      signature: signJson(statement, by),
    });
  const started = entryText(3, 'enrollment.deployment.started', deployment, { digest });
  const problems = async (...texts: string[]): Promise<string[]> => (await verify(exported([texts]), pinned)).problems;
  assert.deepEqual(await problems(key, planned(), approved(), started), []);
  assert.match((await problems(key, planned(), started))[0]!, /a step of a plan that nobody approved/);
  const forged = await problems(key, planned(), approved(generateKeyPairSync('ed25519').privateKey));
  assert.match(forged[0]!, /signature of approver key .* is forged/);
  assert.match((await problems(key, planned({ ...plan, hosts: ['x'] })))[0]!, /does not have the digest stated/);
  const bare = entryText(3, 'enrollment.deployment.started', deployment, { hosts: [] });
  assert.match((await problems(key, planned(), bare))[0]!, /began otherwise than it was planned for approval/);
  const rule = { kind: 'rule', id: 'rule_1' };
  const byRule = entryText(3, 'enrollment.deployment.started', { ...deployment, id: 'dep_2' }, { rule: 'rule_1' });
  const standing = {
    type: 'lastember/deploy-rule/v1',
    ruleId: 'rule_1',
    author: 'user_2',
    approvalsRequired: 1,
    standing: true,
  };
  const added = (what: typeof standing): string =>
    entryText(1, 'enrollment.rule.added', rule, { digest: digestOf(what), plan: what });
  const about = { ...statement, changeId: 'rule_1', plan: digestOf(standing) };
  const signedRule = entryText(2, 'enrollment.rule.approved', rule, {
    digest: about.plan,
    keyId,
    statement: about,
    signature: signJson(about, approverKey),
  });
  assert.deepEqual(await problems(key, added(standing), signedRule, byRule), []);
  assert.match((await problems(key, added(standing), byRule))[0]!, /a plan that nobody approved/);
  assert.match((await problems(key, added({ ...standing, standing: false }), byRule))[0]!, /no standing one/);
  assert.match((await problems(byRule))[0]!, /a rule asked for it that is not on the trail/);
  const free = entryText(1, 'enrollment.deployment.started', deployment, { hosts: [] });
  assert.deepEqual(await problems(free), [], 'most need no signature');
});

test('lines and checkpoints are split however the bytes arrive', async () => {
  const bytes = Buffer.from('eins\nzwei ü\ndrei');
  const chunks = Readable.from([bytes.subarray(0, 11), bytes.subarray(11, 12), bytes.subarray(12)]);
  const lines: string[] = [];
  for await (const line of splitLines(chunks)) lines.push(line);
  assert.deepEqual(lines, ['eins', 'zwei ü', 'drei']);
  const remembered = checkpointsOf(exported(batches(ten())));
  assert.deepEqual(splitCheckpoints(remembered.join('')), remembered);
});
