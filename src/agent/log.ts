import type { Log, LogFields } from '../host/tasks/log.ts';

export type { Log } from '../host/tasks/log.ts';

/** One JSON object a line; the message is constant, what varies is in fields. */
export function lineLog(write: (line: string) => void): Log {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

export const stderrLog: Log = lineLog((line) => void process.stderr.write(line));
