import { createHash } from 'node:crypto';
import {
  SCAN_FORMAT,
  ScanFileHeader,
  ScanFileLine,
  ScanFileSignature,
  SIGNED_SCAN_FORMAT,
} from '../../../model/scan-file.ts';

const LONGEST_SIGNATURE = 1000;

/** What the file says, before it is packed. The same scan makes the same bytes. */
export function scanFileText(scan: ScanFileHeader['scan'], lines: readonly ScanFileLine[]): string {
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const header = { kind: 'header', format: SCAN_FORMAT, scan, lines: lines.length, sha256: digestOf(body) };
  return `${JSON.stringify(header)}\n${body}`;
}

const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex');

/** What is signed of such a text. */
export const signedPart = (text: string): Buffer =>
  Buffer.from(`${SIGNED_SCAN_FORMAT}\n${text.slice(0, text.indexOf('\n') + 1)}`);

export function withSignature(text: string, by: Pick<ScanFileSignature, 'key' | 'signature'>): string {
  return `${JSON.stringify({ kind: 'signature', format: SIGNED_SCAN_FORMAT, ...by })}\n${text}`;
}

/** The signature and what it is over; null: the file has none. */
export function splitSignature(text: string): { signature: ScanFileSignature | null; rest: string } {
  const end = text.indexOf('\n');
  const first = end > 0 && end < LONGEST_SIGNATURE ? text.slice(0, end) : '';
  if (!first.includes('"signature"')) return { signature: null, rest: text };
  const signature = ScanFileSignature.safeParse(jsonOf(first, 1));
  if (!signature.success) throw new Error('its first line is no signature that this version knows');
  return { signature: signature.data, rest: text.slice(end + 1) };
}

/** Throws an Error in words that names the line. A file is taken as a whole or not at all. */
export function readScanFile(text: string): { header: ScanFileHeader; lines: ScanFileLine[] } {
  const end = text.indexOf('\n');
  const header = ScanFileHeader.safeParse(jsonOf(text.slice(0, Math.max(0, end)), 1));
  if (!header.success) throw new Error('its first line is no header of a scan');
  const body = text.slice(end + 1);
  if (digestOf(body) !== header.data.sha256) throw new Error('it was altered or cut off: its digest is another one');
  return { header: header.data, lines: linesOf(body, header.data.lines) };
}

/** Line by line: a body may be nothing but ends of lines, more of them than fit into memory as strings. */
function linesOf(body: string, count: number): ScanFileLine[] {
  const lines: ScanFileLine[] = [];
  let from = 0;
  for (let end = body.indexOf('\n'); end >= 0; end = body.indexOf('\n', from)) {
    if (lines.length === count) throw new Error(`it has more lines than the ${count} that it says`);
    const number = lines.length + 2;
    const one = ScanFileLine.safeParse(jsonOf(body.slice(from, end), number));
    if (!one.success) throw new Error(`line ${number} is not what this version knows: ${one.error.issues[0]!.message}`);
    lines.push(one.data);
    from = end + 1;
  }
  if (lines.length < count) throw new Error(`it has ${lines.length} lines, and says ${count}`);
  return lines;
}

/**
 * Times decide what is newer, so a file may not make up any: throws where the scan has not ended by `now`, or saw
 * something before it began or after it ended.
 */
export function checkTimes({ scan }: ScanFileHeader, lines: readonly ScanFileLine[], now: Date): void {
  const [from, until] = [Date.parse(scan.startedAt), Date.parse(scan.finishedAt)];
  if (until > now.getTime())
    throw new Error(`its scan ended at ${scan.finishedAt}, and here it is ${now.toISOString()}; check both clocks`);
  const wrong = lines.findIndex(({ at }) => Date.parse(at) < from || Date.parse(at) > until);
  if (wrong >= 0) throw new Error(`line ${wrong + 2} was seen at ${lines[wrong]!.at}, when its scan did not run`);
}

function jsonOf(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is no JSON`);
  }
}
