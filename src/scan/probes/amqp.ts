import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const LONGEST_FRAME = 16 * 1024;
const HEADER = Buffer.from([...Buffer.from('AMQP'), 0, 0, 9, 1]);
const METHOD_FRAME = 1;
const FRAME_END = 0xce;
const CONNECTION_START = 0x000a_000a;

const isStart = (bytes: Buffer): boolean =>
  bytes.length >= 13 && bytes[0] === METHOD_FRAME && bytes.readUInt32BE(7) === CONNECTION_START;

/** AMQP 0-9-1: the server introduces itself before anybody logs in. Nobody does. */
export const amqpProbe: Probe = {
  protocol: 'amqp',
  ports: [5672, 5671],
  asks: { opening: () => HEADER, knows: isStart },
  // Whoever sends it anything else gets the header of the version that it speaks.
  recognises: (greeting) => greeting.length === 8 && greeting.toString('latin1', 0, 4) === 'AMQP' && greeting[4]! <= 3,
  probe: (target) => talk(target, 'amqp', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  conversation.write(HEADER);
  const head = await conversation.read(7);
  if (head.subarray(0, 4).toString('latin1') === 'AMQP') {
    const version = [...head.subarray(5), ...(await conversation.read(1))].join('.');
    return serviceResult('amqp', { access: 'unknown', what: `it speaks AMQP ${version} only`, details: { version } });
  }
  const length = head.readUInt32BE(3);
  if (head[0] !== METHOD_FRAME || length > LONGEST_FRAME) throw stopped(target, 'amqp', 'no introduction came');
  const frame = await conversation.read(length + 1);
  if (frame[length] !== FRAME_END || frame.readUInt32BE(0) !== CONNECTION_START)
    throw stopped(target, 'amqp', 'the introduction does not parse');
  const { properties, mechanisms } = introduction(frame.subarray(6, length));
  const letsAnybody = /\bANONYMOUS\b/.test(mechanisms);
  return serviceResult('amqp', {
    product: properties['product'],
    version: properties['version'],
    access: letsAnybody ? 'unknown' : 'refused',
    what: letsAnybody
      ? 'it offers to log in anonymously; whether that gives any rights was not tried'
      : `it offers to log in with credentials only (${mechanisms})`,
    details: { mechanisms, platform: properties['platform'], cluster: properties['cluster_name'] },
  });
}

/** Server properties (texts only) and mechanisms; what does not parse is left out. */
export function introduction(body: Buffer): { properties: Record<string, string>; mechanisms: string } {
  const size = body.length >= 4 ? body.readUInt32BE(0) : 0;
  const table = body.subarray(4, 4 + size);
  const properties: Record<string, string> = {};
  for (let at = 0; at < table.length;) {
    const name = table.subarray(at + 1, at + 1 + table[at]!).toString('utf8');
    at += 1 + table[at]!;
    const length = lengthOf(table, at);
    if (length === null) break;
    if (table[at] === 0x53) properties[name] = table.subarray(at + 5, at + 1 + length).toString('utf8');
    at += 1 + length;
  }
  const rest = body.subarray(4 + size);
  const mechanisms = rest.length >= 4 ? rest.subarray(4, 4 + rest.readUInt32BE(0)).toString('utf8') : '';
  return { properties, mechanisms };
}

const FIXED: Record<string, number> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  l: 8,
  L: 8,
  d: 8,
  T: 8,
  D: 5,
  V: 0,
};

/** Bytes of the value after its type, or null for a type or a length that cannot be. */
function lengthOf(table: Buffer, at: number): number | null {
  const type = String.fromCharCode(table[at] ?? 0);
  if (type in FIXED) return FIXED[type]!;
  return 'SFAx'.includes(type) && table.length >= at + 5 ? 4 + table.readUInt32BE(at + 1) : null;
}
