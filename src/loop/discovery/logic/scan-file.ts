import { createHash } from 'node:crypto';
import { SCAN_FORMAT, ScanFileHeader, ScanFileLine } from '../../../model/scan-file.ts';

/** What the file says, before it is packed. The same scan makes the same bytes. */
export function scanFileText(scan: ScanFileHeader['scan'], lines: readonly ScanFileLine[]): string {
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const header = { kind: 'header', format: SCAN_FORMAT, scan, lines: lines.length, sha256: digestOf(body) };
  return `${JSON.stringify(header)}\n${body}`;
}

const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex');

/** Throws an Error in words that names the line. A file is taken as a whole or not at all. */
export function readScanFile(text: string): { header: ScanFileHeader; lines: ScanFileLine[] } {
  const end = text.indexOf('\n');
  const header = ScanFileHeader.safeParse(jsonOf(text.slice(0, Math.max(0, end)), 1));
  if (!header.success) throw new Error('its first line is no header of a scan');
  const body = text.slice(end + 1);
  if (digestOf(body) !== header.data.sha256) throw new Error('it was altered or cut off: its digest is another one');
  const lines = body.split('\n').slice(0, -1);
  if (lines.length !== header.data.lines)
    throw new Error(`it has ${lines.length} lines, and says ${header.data.lines}`);
  return {
    header: header.data,
    lines: lines.map((line, index) => {
      const one = ScanFileLine.safeParse(jsonOf(line, index + 2));
      if (!one.success)
        throw new Error(`line ${index + 2} is not what this version knows: ${one.error.issues[0]!.message}`);
      return one.data;
    }),
  };
}

function jsonOf(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is no JSON`);
  }
}
