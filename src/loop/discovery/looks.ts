import { endpointName } from '../../model/endpoint-name.ts';
import type { ProbeResult } from '../../model/probe.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { learns, nameFrom, sameProbe, serviceOf, summaryOf, tellsLess } from '../../scan/logic/describe.ts';
import { guessOf } from '../../scan/logic/device.ts';
import type { Look } from '../../scan/look.ts';
import { withRevocation, withUrls } from './certificates.ts';
import { NAME_RANK, renameHost } from './names.ts';
import { addHistory, endpointRow, type EndpointRow, insertEndpoint, noteProbeError } from './store-endpoints.ts';
import { endpointRows, type SeenAgain, updateEndpoints } from './store-looks.ts';
import { deviceEvidence } from './store-device.ts';
import { hostRow, updateHost } from './store-hosts.ts';
import { rejudge } from './rejudge.ts';

export type LookChange = 'new' | 'changed' | 'back' | 'same';

export interface HostLooks {
  hostId: string;
  looks: readonly Look[];
}

/** Looks that are written down together: what is known of their endpoints, and what is only seen again. */
interface Pass {
  known: Map<string, EndpointRow>;
  done: Set<string>;
  again: SeenAgain[];
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

/** The same for many hosts, in that order: rows are read together, and so is what is the same as before written. */
export async function recordAllLooks(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  all: readonly HostLooks[],
  via: string | null = null,
): Promise<LookChange[][]> {
  const places = all.flatMap(({ hostId, looks }) => looks.map((look) => ({ hostId, ...look })));
  const rows = await endpointRows(tx.db, places);
  const pass: Pass = { known: new Map(rows.map((row) => [keyOf(row.host_id, row), row])), done: new Set(), again: [] };
  const changes: LookChange[][] = [];
  for (const { hostId, looks } of all) {
    const here: LookChange[] = [];
    for (const look of looks) {
      const result = look.result && withRevocation(withUrls(look.result), look.at);
      here.push(await recordLook(platform, tx, hostId, { look: { ...look, result, via }, pass }));
    }
    if (here.some((change) => change !== 'same')) {
      await writeAgain(tx, pass);
      await describeHost(tx, hostId);
    }
    changes.push(here);
  }
  await writeAgain(tx, pass);
  return changes;
}

const keyOf = (hostId: string, { address, port, transport }: Pick<Look, 'address' | 'port' | 'transport'>): string =>
  `${hostId} ${address} ${port} ${transport ?? 'tcp'}`;

async function writeAgain(tx: Tx, pass: Pass): Promise<void> {
  await updateEndpoints(tx.db, pass.again.splice(0));
}

/** What is known of the endpoint now, also when this pass has been there already. */
async function knownRow(tx: Tx, hostId: string, look: Look, pass: Pass): Promise<EndpointRow | undefined> {
  const key = keyOf(hostId, look);
  if (!pass.done.has(key)) {
    pass.done.add(key);
    return pass.known.get(key);
  }
  await writeAgain(tx, pass);
  return endpointRow(tx.db, { hostId, address: look.address, port: look.port, transport: look.transport });
}

/** `via`: the host whose agent looked; null: the server itself. */
type Seen = Look & { via: string | null };

async function recordLook(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  hostId: string,
  { look, pass }: { look: Seen; pass: Pass },
): Promise<LookChange> {
  const row = await knownRow(tx, hostId, look, pass);
  if (!row) return foundEndpoint(platform, tx, hostId, look);
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
  const fresh = look.result;
  const missing = whyMissing(look, known);
  if (!fresh || missing !== null) await noteProbeError(tx.db, row.id, missing ?? '', look);
  else pass.again.push({ id: row.id, service: serviceOf(fresh), probe: fresh, at: look.at, via: look.via });
  if (fresh && missing === null && !isSame(known, fresh)) {
    await addHistory(tx.db, row.id, look.at, fresh);
    await announce(tx, 'changed', hostId, { id: row.id, look, before: known });
    return 'changed';
  }
  if (back || (missing === null && learns(known, fresh))) await rejudge(tx, hostId);
  return back ? 'back' : 'same';
}

/** What this look fell short of, or null. */
const whyMissing = ({ result, error }: Seen, known: ProbeResult | null): string | null =>
  result ? tellsLess(known, result) : (error ?? 'the probe ended without a result');

const isSame = (known: ProbeResult | null, fresh: ProbeResult): boolean => known !== null && sameProbe(known, fresh);

async function foundEndpoint(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  hostId: string,
  look: Seen,
): Promise<LookChange> {
  const id = platform.newId('ep');
  await insertEndpoint(tx.db, {
    id,
    host_id: hostId,
    address: look.address,
    port: look.port,
    transport: look.transport ?? 'tcp',
    first_seen: look.at,
    last_seen: look.at,
    service: serviceOf(look.result),
    probe: look.result,
    probed_at: look.result ? look.at : null,
    last_error: look.error,
    via: look.via,
  });
  if (look.result) await addHistory(tx.db, id, look.at, look.result);
  await announce(tx, 'found', hostId, { id, look, before: null });
  return 'new';
}

async function announce(
  tx: Tx,
  verb: 'found' | 'changed',
  hostId: string,
  what: { id: string; look: Seen; before: ProbeResult | null },
): Promise<void> {
  const host = await hostRow(tx.db, hostId);
  const name = endpointName(what.look);
  await tx.record({
    type: `discovery.endpoint.${verb}`,
    subject: { kind: 'endpoint', id: what.id, name },
    related: [{ kind: 'host', id: hostId, ...(host ? { name: host.name } : {}) }],
    detail: {
      endpoint: name,
      hostName: host?.name ?? hostId,
      service: serviceOf(what.look.result),
      ...(verb === 'changed' ? { before: summaryOf(what.before) } : {}),
      after: summaryOf(what.look.result),
      ...(what.look.via ? { via: what.look.via } : {}),
      ...(what.look.error ? { error: what.look.error } : {}),
    },
  });
  await rejudge(tx, hostId);
}

/** Name and guess follow from what the host serves. */
export async function describeHost(tx: Tx, hostId: string): Promise<void> {
  const row = await hostRow(tx.db, hostId);
  if (!row) return;
  const evidence = await deviceEvidence(tx.db, hostId);
  const probes = evidence.endpoints.flatMap(({ probe }) => (probe ? [probe] : []));
  const guess = guessOf(evidence);
  if (guess !== row.guess) {
    await updateHost(tx.db, hostId, { guess });
    await tx.record({
      type: 'discovery.host.changed',
      subject: { kind: 'host', id: hostId, name: row.name },
      detail: { before: { guess: row.guess }, after: { guess }, why: 'what it serves was looked at' },
    });
  }
  const name = nameFrom(probes);
  if (name) await renameHost(tx, hostId, name, NAME_RANK.certificate);
}
