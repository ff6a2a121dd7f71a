import { record, records, text, texts, type Detail } from '../../../model/detail.ts';
import { Plan } from '../../../model/plan.ts';
import { stepInWords } from '../../../model/step-words.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import { all, detailOf, last, plural, when } from './detail.ts';
import { stateInline } from './findings.ts';
import { cite, code, tone, type Block, type Inline, type Section } from './model.ts';
import { differences } from './short.ts';
import { stepOfEntry, whoOf } from './words.ts';

export function planOf(
  entries: readonly SequencedEntry[],
): { entry: SequencedEntry; digest: string; plan: Plan | null } | null {
  const entry = last(entries, 'change.plan.made');
  if (!entry) return null;
  const detail = detailOf(entry);
  const plan = Plan.safeParse(detail['plan']);
  return { entry, digest: text(detail['digest']), plan: plan.success ? plan.data : null };
}

export function decisionSection(entries: readonly SequencedEntry[]): Section {
  const approvals = all(entries, 'change.plan.approved');
  const refusals = all(entries, 'change.plan.refused');
  return {
    title: 'Who decided',
    blocks: [
      {
        kind: 'table',
        head: ['Approved by', 'Key', 'Plan digest', 'Signature (Ed25519)', 'When', 'Entry'],
        rows: approvals.map((entry) => {
          const detail = detailOf(entry);
          const approval = record(detail['approval']);
          return [
            text(detail['name'] ?? detail['person'] ?? whoOf(entry)),
            code(text(detail['keyId'])),
            code(text(detail['digest'])),
            code(text(detail['signature'] ?? approval['signature'])),
            when(entry.entry.at),
            cite(entry),
          ];
        }),
      },
      {
        kind: 'list',
        items: refusals.map((entry) => {
          const detail = detailOf(entry);
          return [tone('Refused', 'bad'), ` (${text(detail['code'])}): ${text(detail['why'])} `, cite(entry)];
        }),
      },
    ],
  };
}

export function planSection(entries: readonly SequencedEntry[]): Section {
  const made = planOf(entries);
  if (!made) return { title: 'Plan', blocks: [] };
  const { plan } = made;
  const facts: [string, Inline][] = [['Digest (SHA-256)', [code(made.digest), ' ', cite(made.entry)]]];
  if (plan) {
    facts.push(
      ['Kit', [`${plan.kit.id} ${plan.kit.version} `, code(plan.kit.digest)]],
      ['May run', `${when(plan.notBefore)} to ${when(plan.notAfter)}`],
      ['Approvals required', String(plan.approvalsRequired)],
      ['Stops', `a wave with more than ${plural(plan.abortAfterFailures, 'failure')}; no later wave starts`],
    );
  }
  const waves = (plan?.waves ?? []).flatMap((wave) =>
    wave.tasks.map((task): Inline[] => [
      `${wave.name}${wave.canary ? ' (canary)' : ''}`,
      task.over === 'ssh' ? `${task.hostName} (over SSH, no agent)` : task.hostName,
      task.steps.map((step) => stepInWords(step, task.relies)).join('; '),
      task.rollback === 'undo' ? 'undo in reverse order' : tone('none', 'warn'),
    ]),
  );
  return {
    title: 'Plan',
    blocks: [
      { kind: 'facts', rows: facts },
      { kind: 'table', head: ['Wave', 'Host', 'Steps', 'Rollback'], rows: waves },
    ],
  };
}

/** Prediction and reality side by side. */
export function impactSection(entries: readonly SequencedEntry[]): Section {
  const closed = last(entries, 'change.change.closed');
  const made = planOf(entries);
  const end = closed ? detailOf(closed) : {};
  const predicted = record(
    end['predicted'] ?? (made ? (detailOf(made.entry)['predicted'] ?? made.plan?.impact) : null),
  );
  const observed = record(end['observed']);
  const rows = (
    [
      ['Summary', (i) => text(i['summary'])],
      ['Packages', (i) => lines(i['packages'], (p) => `${text(p['name'])} ${text(p['from'])} → ${text(p['to'])}`)],
      ['Files', (i) => lines(i['files'], (f) => `${text(f['path'])}: ${text(f['change'])}`)],
      ['Restarts', (i) => lines(i['restarts'], restartInWords)],
      [
        'Hosts that feel it',
        (i) => lines(i['affectedHosts'], (h) => `${text(h['hostName'])} (distance ${text(h['distance'])})`),
      ],
    ] as [string, (impact: Detail) => string][]
  ).map(([name, say]) => [name, say(predicted), say(observed)] as Inline[]);
  return {
    title: 'Impact',
    blocks: [
      {
        kind: 'table',
        head: ['', 'Predicted', 'Observed'],
        rows: rows.filter((row) => row[1] !== '' || row[2] !== ''),
      },
      { kind: 'list', items: texts(end['differences']) },
    ],
  };
}

/** Same lines once: nine hosts with the same upgrade are one line with a count. */
function lines(value: unknown, say: (item: Detail) => string): string {
  const groups = Map.groupBy(records(value).map(say), (line) => line);
  return [...groups].map(([line, same]) => (same.length > 1 ? `${line} (${same.length}×)` : line)).join('; ');
}

function restartInWords(restart: Detail): string {
  const clients = records(restart['clients']).filter((client) => client['distance'] === 1);
  const used = clients.map((client) => `${text(client['hostName'])}: ${text(client['connections'])}`).join(', ');
  return `${text(restart['service'])} on ${text(restart['hostName'])}${used ? ` (connected: ${used})` : ''}`;
}

export function rolloutSection(entries: readonly SequencedEntry[]): Section {
  const steps = all(entries, 'change.step.finished');
  const waves = all(entries, 'change.wave.started', 'change.wave.finished');
  return {
    title: 'What was done',
    blocks: [
      {
        kind: 'list',
        items: waves.map((entry) => {
          const detail = detailOf(entry);
          const what = entry.entry.type.endsWith('started') ? 'started' : detail['ok'] === false ? 'failed' : 'done';
          const hosts = texts(detail['hosts']).join(', ');
          return [
            `Wave ${text(detail['wave'])} ${what} at ${when(entry.entry.at)}${hosts ? `: ${hosts}` : ''} `,
            cite(entry),
          ];
        }),
      },
      {
        kind: 'table',
        head: ['Wave', 'Host', 'Step', 'Result', 'Before → after', 'Signed by', 'Entry'],
        rows: steps.map(stepRow),
      },
    ],
  };
}

function stepRow(entry: SequencedEntry): Inline[] {
  const detail = detailOf(entry);
  const undo = detail['phase'] === 'undo' ? 'undo: ' : '';
  const ok = detail['ok'] !== false;
  return [
    text(detail['wave']),
    text(detail['hostName'] ?? detail['host']),
    `${undo}${stepOfEntry(detail['step'])}`,
    ok ? tone('done', 'good') : tone(text(detail['error'], 'failed'), 'bad'),
    differences(detail['before'], detail['after']),
    signer(detail),
    cite(entry),
  ];
}

function signer(detail: Detail): Inline {
  const signature = text(detail['signature'] ?? record(detail['signed'])['signature']);
  if (typeof detail['overSsh'] === 'string') return 'nobody: observed by the server over SSH';
  const by = detail['signedBy'] === 'server' ? 'server' : text(record(detail['signedBy'])['agentId'], 'unsigned');
  return signature ? [`${by} `, code(`${signature.slice(0, 16)}…`)] : by;
}

export function verificationSection(entries: readonly SequencedEntry[]): Section {
  const verified = all(entries, 'change.change.verified');
  const endpoints = verified.flatMap((entry) =>
    records(detailOf(entry)['endpoints']).map((e) => endpointRow(e, entry)),
  );
  const findings = verified.flatMap((entry) =>
    records(detailOf(entry)['findings']).map((f): Inline[] => [
      code(text(f['id'])),
      stateInline(text(f['state'])),
      cite(entry),
    ]),
  );
  return {
    title: 'Verified from outside',
    blocks: [
      {
        kind: 'table',
        head: ['Endpoint', 'Heartbleed probe', 'Key before', 'Key after', 'Entry'],
        rows: endpoints,
      },
      { kind: 'table', head: ['Finding', 'State after fresh facts and probe', 'Entry'], rows: findings },
    ],
  };
}

function endpointRow(endpoint: Detail, entry: SequencedEntry): Inline[] {
  const probe = record(endpoint['heartbleed']);
  const verdict = text(probe['verdict'] ?? endpoint['heartbleed']);
  const before = text(endpoint['spkiBefore']);
  const afterwards = text(endpoint['spkiAfter']);
  const block: Inline = before !== '' && before === afterwards ? tone(' unchanged', 'bad') : '';
  return [
    code(text(endpoint['endpoint'])),
    tone(verdict, verdict === 'safe' ? 'good' : verdict === 'vulnerable' ? 'bad' : 'warn'),
    code(before.slice(0, 16)),
    [code(afterwards.slice(0, 16)), block],
    cite(entry),
  ];
}

export function hostsSection(entries: readonly SequencedEntry[], hostIds: ReadonlySet<string>): Section {
  const found = all(entries, 'discovery.host.found').filter((entry) => hostIds.has(entry.entry.subject.id));
  const enrolled = all(entries, 'enrollment.agent.enrolled');
  const rows = found.map((entry): Inline[] => {
    const detail = detailOf(entry);
    const agent = enrolled.findLast((one) => one.entry.related.some((r) => r.id === entry.entry.subject.id));
    return [
      text(detail['name'] ?? entry.entry.subject.name),
      code(texts(detail['addresses']).join(', ')),
      `${texts(detail['sources']).join(', ')}, ${when(entry.entry.at)}`,
      text(detail['claim']),
      agent ? [`${text(detailOf(agent)['agentId'])} `, cite(agent)] : '',
      cite(entry),
    ];
  });
  const table: Block = { kind: 'table', head: ['Host', 'Address', 'Found by', 'Was', 'Agent', 'Entry'], rows };
  return { title: 'Hosts', blocks: [table] };
}
