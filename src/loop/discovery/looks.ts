import { endpointName } from '../../model/endpoint-name.ts';
import type { ProbeResult } from '../../model/probe.ts';
import type { EntryDraft, Platform, Tx } from '../../platform/context.ts';
import { learns, nameFrom, sameProbe, serviceOf, summaryOf, tellsLess } from '../../scan/logic/describe.ts';
import { guessOf } from '../../scan/logic/device.ts';
import type { Look } from '../../scan/look.ts';
import { withRevocation, withUrls } from './certificates.ts';
import { NAME_RANK, renameHosts } from './names.ts';
import { endpointRow, type EndpointRow } from './store-endpoints.ts';
import {
  addHistory,
  endpointRows,
  type Failed,
  insertEndpoints,
  type Moment,
  type NewEndpoint,
  noteFailed,
  type SeenAgain,
  updateEndpoints,
} from './store-looks.ts';
import { deviceEvidence } from './store-device.ts';
import { hostRows, setGuesses } from './store-hosts.ts';
import { rejudge } from './rejudge.ts';

export type LookChange = 'new' | 'changed' | 'back' | 'same';

export interface HostLooks {
  hostId: string;
  looks: readonly Look[];
}

/** Looks that are written down together, in a few statements: what is known of their endpoints, and what is to be written. */
interface Pass {
  newId: Platform['newId'];
  known: Map<string, EndpointRow>;
  done: Set<string>;
  found: NewEndpoint[];
  again: SeenAgain[];
  failed: Failed[];
  history: Moment[];
  /** for the trail */
  news: News[];
}

interface News {
  verb: 'found' | 'changed';
  hostId: string;
  id: string;
  look: Seen;
  before: ProbeResult | null;
}

/** Stores looks at one host's endpoints; the trail and the audit hear of what is new or different only. */
export async function recordLooks(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  hostId: string,
  looks: readonly Look[],
  via: string | null = null,
): Promise<LookChange[]> {
  return (await recordAllLooks(platform, tx, [{ hostId, looks }], via))[0]!;
}

/** The same for many hosts, in that order: rows are read together, and so is what changed written. */
export async function recordAllLooks(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  all: readonly HostLooks[],
  via: string | null = null,
): Promise<LookChange[][]> {
  const places = all.flatMap(({ hostId, looks }) => looks.map((look) => ({ hostId, ...look })));
  const rows = await endpointRows(tx.db, places);
  const known = new Map(rows.map((row) => [keyOf(row.host_id, row), row]));
  const newId = (prefix: string): string => platform.newId(prefix);
  const pass: Pass = { newId, known, done: new Set(), found: [], again: [], failed: [], history: [], news: [] };
  const changes: LookChange[][] = [];
  const changed = new Set<string>();
  for (const { hostId, looks } of all) {
    const here: LookChange[] = [];
    for (const look of looks) {
      const result = look.result && withRevocation(withUrls(look.result), look.at);
      here.push(await recordLook(tx, hostId, { ...look, result, via }, pass));
    }
    if (here.some((change) => change !== 'same')) changed.add(hostId);
    changes.push(here);
  }
  await write(tx, pass);
  await describeHosts(tx, [...changed]);
  return changes;
}

const keyOf = (hostId: string, { address, port, transport }: Pick<Look, 'address' | 'port' | 'transport'>): string =>
  `${hostId} ${address} ${port} ${transport ?? 'tcp'}`;

async function write(tx: Tx, pass: Pass): Promise<void> {
  await insertEndpoints(tx.db, pass.found.splice(0));
  await updateEndpoints(tx.db, pass.again.splice(0));
  await noteFailed(tx.db, pass.failed.splice(0));
  await addHistory(tx.db, pass.history.splice(0));
  await announce(tx, pass.news.splice(0));
}

/** What is known of the endpoint now, also when this pass has been there already. */
async function knownRow(tx: Tx, hostId: string, look: Look, pass: Pass): Promise<EndpointRow | undefined> {
  const key = keyOf(hostId, look);
  if (!pass.done.has(key)) {
    pass.done.add(key);
    return pass.known.get(key);
  }
  await write(tx, pass);
  return endpointRow(tx.db, { hostId, address: look.address, port: look.port, transport: look.transport });
}

/** `via`: the host whose agent looked; null: the server itself. */
type Seen = Look & { via: string | null };

async function recordLook(tx: Tx, hostId: string, look: Seen, pass: Pass): Promise<LookChange> {
  const row = await knownRow(tx, hostId, look, pass);
  if (!row) return foundEndpoint(tx, hostId, look, pass);
  // What the server sees itself it takes from no agent.
  if (look.via !== null && row.via === null) return 'same';
  return lookedAgain(tx, hostId, look, { row, pass });
}

async function lookedAgain(
  tx: Tx,
  hostId: string,
  look: Seen,
  { row, pass }: { row: EndpointRow; pass: Pass },
): Promise<LookChange> {
  const back = row.state === 'gone';
  const known = row.probe;
  const { result: fresh, at, via } = look;
  const missing = whyMissing(look, known);
  if (!fresh || missing !== null) pass.failed.push({ id: row.id, error: missing ?? '', at, via });
  else pass.again.push({ id: row.id, service: serviceOf(fresh), probe: fresh, at, via });
  if (fresh && missing === null && !isSame(known, fresh)) {
    pass.history.push({ endpointId: row.id, at, probe: fresh });
    pass.news.push({ verb: 'changed', hostId, id: row.id, look, before: known });
    await rejudge(tx, hostId);
    return 'changed';
  }
  if (back || (missing === null && learns(known, fresh))) await rejudge(tx, hostId);
  return back ? 'back' : 'same';
}

/** What this look fell short of, or null. */
const whyMissing = ({ result, error }: Seen, known: ProbeResult | null): string | null =>
  result ? tellsLess(known, result) : (error ?? 'the probe ended without a result');

const isSame = (known: ProbeResult | null, fresh: ProbeResult): boolean => known !== null && sameProbe(known, fresh);

async function foundEndpoint(tx: Tx, hostId: string, look: Seen, pass: Pass): Promise<LookChange> {
  const id = pass.newId('ep');
  const { address, port, transport = 'tcp', result: probe, error, at, via } = look;
  pass.found.push({ id, hostId, address, port, transport, service: serviceOf(probe), probe, error, at, via });
  if (probe) pass.history.push({ endpointId: id, at, probe });
  pass.news.push({ verb: 'found', hostId, id, look, before: null });
  await rejudge(tx, hostId);
  return 'new';
}

async function announce(tx: Tx, all: readonly News[]): Promise<void> {
  if (all.length === 0) return;
  const hosts = await hostRows(
    tx.db,
    all.map(({ hostId }) => hostId),
  );
  await tx.recordAll(all.map((one) => newsEntry(one, hosts.get(one.hostId)?.name)));
}

function newsEntry({ verb, hostId, id, look, before }: News, hostName: string | undefined): EntryDraft {
  const name = endpointName(look);
  return {
    type: `discovery.endpoint.${verb}`,
    subject: { kind: 'endpoint', id, name },
    related: [{ kind: 'host', id: hostId, ...(hostName === undefined ? {} : { name: hostName }) }],
    detail: {
      endpoint: name,
      hostName: hostName ?? hostId,
      service: serviceOf(look.result),
      ...(verb === 'changed' ? { before: summaryOf(before) } : {}),
      after: summaryOf(look.result),
      ...(look.via ? { via: look.via } : {}),
      ...(look.error ? { error: look.error } : {}),
    },
  };
}

/** Names and guesses follow from what hosts serve. */
async function describeHosts(tx: Tx, hostIds: readonly string[]): Promise<void> {
  if (hostIds.length === 0) return;
  const rows = await hostRows(tx.db, hostIds);
  const evidence = await deviceEvidence(tx.db, hostIds);
  const present = hostIds.flatMap((id) => rows.get(id) ?? []);
  const guesses = present
    .map(({ id, name, guess: before }) => ({ id, name, before, guess: guessOf(evidence.get(id)!) }))
    .filter(({ before, guess }) => guess !== before);
  await setGuesses(tx.db, guesses);
  await tx.recordAll(
    guesses.map(({ id, name, before, guess }) => ({
      type: 'discovery.host.changed',
      subject: { kind: 'host', id, name },
      detail: { before: { guess: before }, after: { guess }, why: 'what it serves was looked at' },
    })),
  );
  const named = present.flatMap(({ id }) => {
    const name = nameFrom(evidence.get(id)!.endpoints.flatMap(({ probe }) => probe ?? []));
    return name ? [{ id, name }] : [];
  });
  await renameHosts(tx, named, NAME_RANK.certificate);
}
