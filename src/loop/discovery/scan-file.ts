import { verify } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Sighting } from '../../model/estate.ts';
import { MOST_SCAN_LINES, type Replayed, type ScanFileLine } from '../../model/scan-file.ts';
import type { Platform } from '../../platform/context.ts';
import type { Look } from '../../scan/look.ts';
import { containsAddress, parseTargets } from '../../scan/logic/targets.ts';
import {
  checkTimes,
  readScanFile,
  scanFileText,
  signedPart,
  splitSignature,
  withSignature,
} from './logic/scan-file.ts';
import { publicKeyOf, scanKey, signScan } from './scan-key.ts';
import { recordLooks } from './looks.ts';
import { recordSightings } from './sightings.ts';
import { strong } from './logic/strong.ts';
import { lastSeenAt, lastShownAt, looksBetween, seenBetween } from './store-scan-file.ts';
import { scanRow } from './store-scans.ts';

/** Bytes of a file unpacked: what is larger does not fit into memory beside everything else, once it is read. */
const LONGEST_TEXT = 128 * 1024 * 1024;
const BATCH = 200;

/** What is known of what a scan saw, as a file. Best made when it has just ended: later scans replace what they see. */
export async function exportScan(platform: Platform, id: string): Promise<Buffer> {
  const row = await scanRow(platform.db, id);
  if (!row) throw new AppError('NOT_FOUND', { what: 'scan', id, list: 'scans' });
  if (!row.started_at || !row.finished_at) throw new AppError('SCAN_UNFINISHED', { scan: id, state: row.state });
  const { started_at: from, finished_at: until } = row;
  const [seen, looks] = await Promise.all([
    seenBetween(platform.db, from, until, MOST_SCAN_LINES),
    looksBetween(platform.db, from, until, MOST_SCAN_LINES),
  ]);
  // Other scans may have run at that time.
  const { intervals } = parseTargets([...row.targets, ...row.resolved], { confirmWide: true });
  const lines = [...seen, ...looks].filter(({ address }) => containsAddress(intervals, address));
  if (lines.length > MOST_SCAN_LINES)
    throw new AppError('SCAN_FILE', { why: `it has more than ${MOST_SCAN_LINES} lines` });
  const { targets, ports } = row;
  const scan = { id, targets, ports, startedAt: from.toISOString(), finishedAt: until.toISOString() };
  const plain = scanFileText(scan, lines);
  const text = Buffer.from(withSignature(plain, await signScan(platform, signedPart(plain))));
  if (text.length > LONGEST_TEXT)
    throw new AppError('SCAN_FILE', { why: `it is larger than ${LONGEST_TEXT} bytes; look at less in one scan` });
  return promisify(gzip)(text);
}

/** Whose files are believed beside our own. */
export interface Trust {
  /** of another server, base64 */
  key?: string | undefined;
  /** one that nobody signed: it may say anything */
  unsigned?: boolean | undefined;
}

/** Rebuilds from such a file what is not known here, or known from earlier. The same file again changes nothing. */
export async function replayScan(platform: Platform, actor: Actor, file: Buffer, trust: Trust = {}): Promise<Replayed> {
  const text = await unpacked(file);
  const signedBy = await whoSigned(platform, text, trust);
  const { header, lines } = read(text, platform.now());
  const counts: Replayed = {
    scan: header.scan.id,
    signedBy,
    lines: lines.length,
    taken: 0,
    known: 0,
    newHosts: 0,
    looks: 0,
  };
  const byAddress = [...Map.groupBy(lines, ({ address }) => address)];
  for (let at = 0; at < byAddress.length; at += BATCH)
    await takeSome(platform, actor, byAddress.slice(at, at + BATCH), counts);
  const subject = { kind: 'scan' as const, id: header.scan.id };
  const detail = { ...counts, sha256: header.sha256, targets: header.scan.targets, finishedAt: header.scan.finishedAt };
  await platform.act(actor, { type: 'discovery.scan.replayed', subject, detail }, async (tx) =>
    tx.publish('hosts', {}),
  );
  return counts;
}

async function unpacked(file: Buffer): Promise<string> {
  try {
    return (await promisify(gunzip)(file, { maxOutputLength: LONGEST_TEXT })).toString('utf8');
  } catch (error) {
    throw new AppError('SCAN_FILE', { why: 'it is no gzip file, or cut off, or too large' }, { cause: error });
  }
}

const inWords = <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw new AppError('SCAN_FILE', { why: (error as Error).message }, { cause: error });
  }
};

function read(text: string, now: Date): ReturnType<typeof readScanFile> {
  return inWords(() => {
    const whole = readScanFile(splitSignature(text).rest);
    checkTimes(whole.header, whole.lines, now);
    return whole;
  });
}

/** The key that signed it, if that is one to be believed: ours, or the one that whoever hands it over names. */
async function whoSigned(platform: Platform, text: string, { key, unsigned }: Trust): Promise<string | null> {
  const { signature, rest } = inWords(() => splitSignature(text));
  if (!signature) {
    if (!unsigned) throw new AppError('SCAN_FILE_UNSIGNED');
    return null;
  }
  const own = (await scanKey(platform)).publicKey;
  if (signature.key !== own && signature.key !== key) throw new AppError('SCAN_FILE_STRANGER', { key: signature.key });
  const isValid = verify(
    null,
    signedPart(rest),
    publicKeyOf(signature.key),
    Buffer.from(signature.signature, 'base64'),
  );
  if (!isValid) throw new AppError('SCAN_FILE', { why: 'it was altered: its signature is not of what it says' });
  return signature.key;
}

async function takeSome(
  platform: Platform,
  actor: Actor,
  some: readonly [string, ScanFileLine[]][],
  counts: Replayed,
): Promise<void> {
  await platform.observe(actor, async (tx) => {
    const last = await lastSeenAt(
      tx.db,
      some.map(([address]) => address),
    );
    const shown = await lastShownAt(
      tx.db,
      some.flatMap(([, lines]) => identitiesOf(lines)),
    );
    const fresh = some.filter(([address, lines]) =>
      isNews(lines, [last.get(address), ...identitiesOf(lines).map((identity) => shown.get(identity))]),
    );
    const sightings = fresh.flatMap(([, lines]) => latestSighting(lines));
    const decisions = await recordSightings(platform, tx, sightings);
    for (const [index, { hostId, kind }] of decisions.entries()) {
      const looks = looksOf(fresh.find(([address]) => address === sightings[index]!.address)![1]);
      await recordLooks(platform, tx, hostId, looks);
      counts.looks += looks.length;
      if (kind === 'new' || kind === 'clone' || kind === 'replaced') counts.newHosts += 1;
    }
    counts.taken += fresh.length;
    counts.known += some.length - fresh.length;
  });
}

/** Not where the address, or the machine that it showed then, was seen since or just then: that stays as it is. */
export function isNews(lines: readonly ScanFileLine[], known: readonly (Date | undefined)[]): boolean {
  const seen = lines.filter(({ kind }) => kind === 'seen');
  const oldest = seen.reduce((least, { at }) => Math.min(least, Date.parse(at)), Infinity);
  return seen.length > 0 && known.every((at) => at === undefined || at.getTime() < oldest);
}

const identitiesOf = (lines: readonly ScanFileLine[]): string[] =>
  lines.flatMap((line) =>
    line.kind === 'seen' ? strong(line.identifiers).map(({ kind, value }) => `${kind} ${value}`) : [],
  );

function latestSighting(lines: readonly ScanFileLine[]): Sighting[] {
  const seen = lines.filter((line) => line.kind === 'seen').toSorted((a, b) => (a.at < b.at ? -1 : 1));
  const one = seen.at(-1);
  if (!one) return [];
  const { address, at, hostname, identifiers, evidence } = one;
  return [
    {
      source: 'scan',
      address,
      at,
      identifiers,
      ...(hostname === null ? {} : { hostname }),
      ...(evidence === null ? {} : { evidence }),
    } as Sighting,
  ];
}

const looksOf = (lines: readonly ScanFileLine[]): Look[] =>
  lines.flatMap((line) => {
    if (line.kind !== 'look') return [];
    const { address, port, transport = 'tcp', at, result, error } = line;
    return [{ address, port, transport, at: new Date(at), result, error }];
  });
