/** A lab host as the server sees one: facts over SSH, ports from outside, judged by the kits of this release. */
import { run, type Ran } from '../command.ts';
import { execIn } from '../inside.ts';
import type { Place } from '../place.ts';
import { findInit } from '../start.ts';
import { collectFacts } from '../../../src/host/facts/collect.ts';
import type { SshHost } from '../../../src/host/ssh/index.ts';
import { HOUR } from '../../../src/loop/audit/kit-tools/evidence.ts';
import type { Evidence, Judgement, SectionMetas } from '../../../src/loop/audit/logic/judge/context.ts';
import { celOf, judge } from '../../../src/loop/audit/logic/judge/judge.ts';
import type { CompiledKit } from '../../../src/loop/audit/logic/kit/compile.ts';
import { versionOrder } from '../../../src/loop/audit/versions/registry.ts';
import type { Facts } from '../../../src/model/facts.ts';
import { askedOf, endpointsOf, type Ports } from './outside.ts';

export const HOST_ID = 'host_bad';

export interface Target {
  place: Place;
  name: string;
  address: string;
}

/** As root in the host, or with all rights of the machine in the host's namespaces. */
export function shell({ place, name }: Target, script: string, machine = false): Promise<Ran> {
  if (!machine) return execIn(place, name, ['sh', '-c', script]);
  const enter = `nsenter --target ${findInit(place, name)} --mount --root --wd`.split(' ');
  return run([...enter, '/usr/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'sh', '-c', script]);
}

export interface How extends Ports {
  /** judged as if it were that time; null: as of now */
  asOf: string | null;
}

/** Everything that can be known of it now. */
export async function look(remote: SshHost, target: Target, { asOf, ...ports }: How): Promise<Evidence> {
  const sections = await collectFacts(remote);
  const endpoints = await endpointsOf(HOST_ID, target.address, ports);
  const facts: Record<string, unknown> = {};
  const meta: SectionMetas = {};
  for (const { name, version, hash, collectedAt, data, error } of sections) {
    if (data !== undefined) facts[name] = data;
    meta[name] = { version, hash, collectedAt, receivedAt: asOf ?? collectedAt, error: error ?? null };
  }
  return {
    now: asOf ?? new Date().toISOString(),
    host: { id: HOST_ID, name: target.name, addresses: [target.address] },
    names: [],
    facts: facts as Partial<Facts>,
    meta,
    endpoints,
    asked: await askedOf(target.address, endpoints),
    orphans: [],
    order: versionOrder,
    staleAfterMs: 24 * HOUR,
  };
}

/** `burning`: what failed before, KIT/CHECK → components. It gets a verdict even when it is gone. */
export function judgeAll(
  kits: readonly CompiledKit[],
  evidence: Evidence,
  burning: ReadonlyMap<string, readonly string[]> = new Map(),
): Judgement[] {
  const cel = celOf(evidence);
  return kits.flatMap((kit) =>
    judge(kit, evidence, (check) => new Set(burning.get(`${kit.kit.kit}/${check}`) ?? []), cel),
  );
}

export const nameOfCheck = (judgement: Judgement): string => `${judgement.kit}/${judgement.check.id}`;
