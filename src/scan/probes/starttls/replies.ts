import type { Conversation } from '../../scanner/conversation.ts';
import { readUntil } from '../service-result.ts';

/** Longer no greeting and no list of abilities is. */
const MOST = 16 * 1024;

/** A reply of SMTP or FTP with all its lines: whole when a line has the code and a space. */
export async function readReply(conversation: Conversation): Promise<string> {
  const whole = (bytes: Buffer): boolean => /^\d{3}(?: [^\n]*)?\r?\n$/m.test(lastLine(bytes));
  return (await readUntil(conversation, whole, MOST)).toString('latin1');
}

/** A line. */
export async function readLine(conversation: Conversation): Promise<string> {
  return (await readUntil(conversation, (bytes) => bytes.includes(0x0a), MOST)).toString('latin1');
}

/** Everything up to the line that `isLast`. */
export async function readLines(conversation: Conversation, isLast: (line: string) => boolean): Promise<string> {
  const whole = (bytes: Buffer): boolean => bytes.at(-1) === 0x0a && isLast(lastLine(bytes).trimEnd());
  return (await readUntil(conversation, whole, MOST)).toString('latin1');
}

export const say = (conversation: Conversation, line: string): void =>
  conversation.write(Buffer.from(`${line}\r\n`, 'latin1'));

function lastLine(bytes: Buffer): string {
  const text = bytes.subarray(-1024).toString('latin1');
  return text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
}
