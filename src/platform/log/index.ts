import { type DestinationStream, type Logger, pino } from 'pino';

/** Field names whose values never reach a log, wherever they are in the logged object (four levels deep). */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  'set-cookie',
  'ott',
  'passphrase',
  'password',
  'privateKey',
  'private_key',
  'secret',
  'session',
  'token',
];

const quoted = (field: string): string => (/^\w+$/.test(field) ? field : `["${field}"]`);
const PATHS = SECRET_FIELDS.flatMap((field) =>
  ['', '*', '*.*', '*.*.*'].map((prefix) => {
    const name = quoted(field);
    if (prefix === '') return name;
    return name.startsWith('[') ? `${prefix}${name}` : `${prefix}.${name}`;
  }),
);

/** Structured JSON lines. From `warn` up the message is constant and everything that varies is a named field. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: PATHS, censor: '[redacted]' },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return destination ? pino(options, destination) : pino(options, pino.destination({ fd: 2, sync: true }));
}
