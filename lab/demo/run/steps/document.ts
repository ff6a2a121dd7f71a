import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from '../../../../src/model/change.ts';
import { TrailVerdict } from '../../../../src/model/trail.ts';
import { hostsOf } from '../api.ts';
import type { Demo } from '../context.ts';
import { runCli } from '../server.ts';
import { KIT } from './audit.ts';

export interface TrailResult {
  size: number;
  root: string;
  checkpoint: string;
  verified: boolean;
  file: string;
}

/** Takes the trail out of the server and lets the offline verifier judge it. */
export async function proveTrail(demo: Demo): Promise<TrailResult> {
  const { people, account, out } = demo;
  const file = join(out, 'trail.jsonl');
  writeFileSync(file, String(await people.operator.exportTrail()));
  const checkpoint = await people.operator.getTrailCheckpoint();
  // An address where nothing listens: the verifier must not need the server.
  const ran = await runCli({ url: 'http://127.0.0.1:9', token: '' }, ['trail', 'verify', file, '--json']);
  const verdict = parseVerdict(ran.stdout);
  account.claim(
    '6.5: the exported trail is verified without the server',
    ran.code === 0 && verdict?.verified === true,
    verdict ? `${verdict.size} entries, root ${verdict.root.slice(0, 16)}…` : ran.stderr.trim(),
  );
  return {
    size: verdict?.size ?? 0,
    root: verdict?.root ?? '',
    checkpoint: checkpoint.text,
    verified: verdict?.verified ?? false,
    file,
  };
}

function parseVerdict(text: string): TrailVerdict | null {
  try {
    return TrailVerdict.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Change record, campaign report and dossiers, rendered from the trail alone. */
export async function writeDocuments(demo: Demo, change: Change): Promise<string[]> {
  const { people, account, out } = demo;
  const hosts = await hostsOf(people.operator);
  const first = hosts.find(({ id }) => change.waves[0]?.tasks.some(({ hostId }) => hostId === id));
  const wanted = [
    { kind: 'change' as const, id: change.id, name: 'change' },
    { kind: 'campaign' as const, id: KIT, name: 'campaign' },
    ...(first ? [{ kind: 'host' as const, id: first.id, name: `host-${first.name}` }] : []),
  ];
  mkdirSync(out, { recursive: true });
  const paths: string[] = [];
  for (const { kind, id, name } of wanted)
    for (const format of ['html', 'md'] as const) {
      const path = join(out, `${name}.${format}`);
      writeFileSync(path, String(await people.operator.getDocument({ params: { kind, id }, query: { format } })));
      paths.push(path);
    }
  const record = String(
    await people.operator.getDocument({ params: { kind: 'change', id: change.id }, query: { format: 'md' } }),
  );
  account.claim(
    'the change record wrote itself: plan, approval, outcome',
    [change.planDigest ?? '?', ...change.approvals.map(({ statement }) => statement.keyId)].every((part) =>
      record.includes(part),
    ),
    `${paths.length} documents in ${out}`,
  );
  return paths;
}
