import type { PackageFact } from '../../../model/facts.ts';
import { minuteOf } from '../../../model/minute.ts';
import { tlsOf } from '../../../model/probe.ts';
import type { Judgement, Evidence } from './judge/context.ts';

/** How things stood when a finding was closed: what a later fire is compared with. */
export interface Closed {
  hostId: string;
  hostName: string;
  /** package → version, or kernel → the version that ran */
  versions: Record<string, string>;
  image: string | null;
  machineId: string | null;
  spki: string | null;
  /** what a check of the host had seen then, by the names of its evidence; older findings have none */
  values?: Record<string, string>;
}

/** `rank`: how much is known. A better explanation may come with later facts and replaces a poorer one. */
export interface Cause {
  text: string;
  rank: 0 | 1 | 2;
}

export function snapshot(judgement: Judgement, evidence: Evidence): Closed {
  const name = packageOf(judgement);
  const fact = evidence.facts.packages?.find((one) => one.name === name);
  const leaf = tlsOf(judgement.endpoint?.probe)?.chain[0];
  return {
    hostId: evidence.host.id,
    hostName: evidence.host.name,
    versions: versionsOf(judgement, fact),
    image: evidence.facts.os?.image ?? null,
    machineId: evidence.facts.os?.machineId ?? null,
    spki: leaf?.spki ?? null,
    values: valuesOf(judgement),
  };
}

const LONGEST = 200;

/** What was seen, without the hashes of the facts that it was seen in. */
function valuesOf({ check, evidence }: Judgement): Record<string, string> {
  if (check.kind !== 'host') return {};
  return Object.fromEntries(
    Object.entries(evidence).flatMap(([name, value]) =>
      name.startsWith('facts.') || !['string', 'number', 'boolean'].includes(typeof value)
        ? []
        : [[name, String(value).slice(0, LONGEST)]],
    ),
  );
}

function versionsOf(judgement: Judgement, fact: PackageFact | undefined): Closed['versions'] {
  const kernel = runningKernel(judgement);
  if (kernel !== null) return { [judgement.component]: kernel };
  return fact ? { [fact.name]: fact.version } : {};
}

/** Version of the kernel that the judgement is about, where it is about one. */
function runningKernel({ check, evidence }: Judgement): string | null {
  const version = check.kind === 'package' ? evidence['kernel'] : null;
  return typeof version === 'string' ? version : null;
}

/** The package behind a judgement: its own, or the one whose program listens there. */
function packageOf(judgement: Judgement): string | null {
  if (judgement.check.kind === 'package') return judgement.component;
  const name = judgement.evidence['package'];
  return typeof name === 'string' ? name : null;
}

export interface CauseInput {
  judgement: Judgement;
  evidence: Evidence;
  closed: Closed | null;
  closedAt: string | null;
  /** hosts whose place this one took */
  replaced: ReadonlySet<string>;
  /** keys that were burnt before it came back */
  burnt: ReadonlySet<string>;
}

/** Where a fire that had been out came from, as far as the evidence tells. */
export function causeOf(input: CauseInput): Cause {
  const parts = [rebuilt(input), downgraded(input), rebooted(input), restoredKey(input)].filter(
    (part) => part !== null,
  );
  const values = changedValues(input);
  if (parts.length === 0 && values.length > 0) return { text: values.join('; '), rank: 1 };
  if (parts.length === 0) {
    const since = input.closedAt ? ` since it was proven closed at ${minuteOf(input.closedAt)}` : '';
    return { text: `nothing that we know of changed on the host${since}, but it burns again`, rank: 0 };
  }
  const text = [...parts.map((part) => part.text), ...values].join('; ');
  return { text, rank: parts.some((part) => part.rank === 1) ? 1 : 2 };
}

function rebuilt({ evidence, closed, replaced, judgement }: CauseInput): Cause | null {
  const { os } = evidence.facts;
  const otherRecord = closed !== null && closed.hostId !== evidence.host.id;
  if (!otherRecord && !isOtherMachine(closed, os)) return otherImage(closed, os);
  const place = judgement.endpoint ? ` at ${judgement.endpoint.address}` : '';
  if (otherRecord && !replaced.has(closed.hostId)) {
    return { text: `another host answers${place} now: ${evidence.host.name}, where ${closed.hostName} was`, rank: 2 };
  }
  const who = otherRecord ? `: other host keys than ${closed.hostName} had` : ' with another machine-id';
  const { text, rank } = fromImage(closed?.image ?? null, os);
  return { text: `the host${place} was built anew${who}${text}`, rank };
}

/** Images may bring a machine-id with them, or keep that of the machine they were put on. */
function otherImage(closed: Closed | null, os: Evidence['facts']['os']): Cause | null {
  if (!closed?.image || !os?.image || closed.image === os.image) return null;
  return { text: `the host runs image ${os.image} now (before: ${closed.image})`, rank: 2 };
}

function isOtherMachine(closed: Closed | null, os: Evidence['facts']['os']): boolean {
  return Boolean(closed?.machineId && os?.machineId && closed.machineId !== os.machineId);
}

function fromImage(before: string | null, os: Evidence['facts']['os']): Cause {
  if (!os) return { text: '; from which image is not known until its facts are collected', rank: 1 };
  if (os.image === null) return { text: '; it does not say from which image', rank: 2 };
  if (before === os.image) return { text: `, from the same image as before (${os.image})`, rank: 2 };
  return { text: `, from image ${os.image}${before ? ` (before: ${before})` : ''}`, rank: 2 };
}

/** What the check looks at, where that says something else than when it was proven closed. */
function changedValues({ judgement, closed }: CauseInput): string[] {
  const before = closed?.values ?? {};
  return Object.entries(valuesOf(judgement)).flatMap(([name, is]) =>
    before[name] === undefined || before[name] === is ? [] : [`${name} was ${before[name]} and is ${is}`],
  );
}

function downgraded({ evidence, closed, judgement }: CauseInput): Cause | null {
  const name = packageOf(judgement) ?? Object.keys(closed?.versions ?? {})[0];
  const was = name === undefined ? undefined : closed?.versions[name];
  const fact = evidence.facts.packages?.find((one) => one.name === name);
  if (was === undefined || !fact || fact.version === was) return null;
  const word = isNewer(evidence.order(fact.ecosystem), fact.version, was) ? 'upgraded' : 'downgraded';
  return { text: `${fact.name} was ${word} from ${was} to ${fact.version}`, rank: 2 };
}

const isNewer = (order: ReturnType<Evidence['order']>, version: string, was: string): boolean =>
  (order?.(version, was) ?? 0) > 0;

function rebooted({ closed, judgement }: CauseInput): Cause | null {
  const kernel = runningKernel(judgement);
  const was = closed?.versions[judgement.component];
  if (kernel === null || was === undefined || kernel === was) return null;
  return { text: `the running kernel was ${was} and is ${kernel}`, rank: 2 };
}

function restoredKey({ judgement, closed, burnt }: CauseInput): Cause | null {
  const leaf = tlsOf(judgement.endpoint?.probe)?.chain[0];
  if (!leaf || !closed?.spki || leaf.spki === closed.spki || !burnt.has(leaf.spki)) return null;
  return {
    text: `it serves a key again that is burnt (certificate ${leaf.serial}), as after restoring a backup`,
    rank: 2,
  };
}
