import type { Exposure } from '../../model/finding.ts';
import type { Subject } from '../../model/trail.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { type Evidence, nameOf } from './logic/judge/context.ts';
import { lookAt } from './logic/judge/endpoint.ts';
import type { CompiledKit, EndpointCheck } from './logic/kit/compile.ts';
import { burntByKey, joining, keysOf, leaked, type NewExposure } from './logic/radar.ts';
import { exposureRows, insertExposure, moveExposures, placesOfKeys, syncKeys } from './store-keys.ts';

/** What listeners of this host handed out, at this look and at those before: read before the transaction. */
export async function lookForLeaks(
  discovery: Discovery,
  kits: readonly CompiledKit[],
  evidence: Evidence,
): Promise<NewExposure[]> {
  const found: NewExposure[] = [];
  for (const { kit, checks } of kits.filter((one) => one.kit.compromise)) {
    const proofs = checks.filter((check) => check.kind === 'endpoint');
    for (const endpoint of evidence.endpoints.filter((one) => one.probe !== null && one.state === 'open')) {
      const fails = (probe: NonNullable<typeof endpoint.probe>): boolean =>
        failsAny(proofs, { ...endpoint, probe }, evidence.now);
      if (!fails(endpoint.probe!)) continue;
      const looks = (await discovery.endpointHistory(endpoint.id)).map((one) => one.probe);
      found.push(...leaked(kit.kit, evidence.host.name, endpoint, [endpoint.probe!, ...looks], fails));
    }
  }
  return found;
}

const failsAny = (checks: readonly EndpointCheck[], endpoint: Evidence['endpoints'][number], now: string): boolean =>
  checks.some((check) => lookAt(check, endpoint, now).verdict === 'fail');

/**
 * Brings the graph of keys up to date for this host, and pulls in every listener, on any host, that has a burnt key.
 * Works in both directions: a new leak finds old copies, a new copy finds old leaks.
 */
export async function radar(
  platform: Pick<Platform, 'newId'>,
  tx: Tx,
  kits: readonly CompiledKit[],
  evidence: Evidence,
  leaks: readonly NewExposure[],
): Promise<NewExposure[]> {
  await takeOver(tx, evidence);
  const own = keysOf(evidence);
  await syncKeys(tx.db, evidence.host.id, own, tx.now);
  const added: NewExposure[] = [];
  for (const { kit } of kits.filter((one) => one.kit.compromise)) {
    const leaking = leaks.filter((one) => one.kit === kit.kit);
    for (const one of leaking) if (await add(platform, tx, one)) added.push(one);
    const spkis = [...new Set([...own.map((one) => one.spki), ...leaking.map((one) => one.spki)])];
    const burnt = burntByKey(await exposureRows(tx.db, { kit: kit.kit, spkis }));
    if (burnt.size === 0) continue;
    const places = await placesOfKeys(tx.db, [...burnt.keys()]);
    for (const one of joining(kit.kit, places, burnt)) if (await add(platform, tx, one)) added.push(one);
  }
  return added;
}

/** A machine that was built anew inherits what its address is known for, and one record what another was merged with. */
async function takeOver(tx: Tx, { endpoints, host }: Evidence): Promise<void> {
  const open = endpoints.filter((one) => one.state === 'open');
  const to = open.map((endpoint) => ({ endpointId: endpoint.id, endpoint: nameOf(endpoint) }));
  for (const moved of await moveExposures(tx.db, host.id, to)) {
    await tx.record({
      type: 'audit.exposure.moved',
      subject: { kind: 'exposure', id: moved.id },
      related: [{ kind: 'host', id: host.id, name: host.name }, kitSubject(moved)],
      detail: { kit: moved.kit, endpoint: moved.endpoint, host: host.name, spki: moved.spki, serial: moved.serial },
    });
  }
}

const kitSubject = (one: Pick<Exposure, 'kit'>): Subject => ({ kind: 'kit', id: one.kit });

async function add(platform: Pick<Platform, 'newId'>, tx: Tx, exposure: NewExposure): Promise<boolean> {
  const id = platform.newId('exposure');
  if (!(await insertExposure(tx.db, id, exposure, tx.now))) return false;
  const { kit, hostId, hostName, endpointId, endpoint, spki, serial, issuer, cause, via } = exposure;
  await tx.record({
    type: 'audit.exposure.opened',
    subject: { kind: 'exposure', id },
    related: [
      { kind: 'host', id: hostId, name: hostName },
      { kind: 'endpoint', id: endpointId, name: endpoint },
      kitSubject(exposure),
    ],
    detail: { kit, endpoint, host: hostName, spki, serial, issuer, cause, via },
  });
  return true;
}
