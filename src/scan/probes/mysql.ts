import type { Access } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const LONGEST_PACKET = 4096;
const PROTOCOL = 10;
const ERROR = 0xff;
const OFFERS_TLS = 0x0800;
const ONLY_BY_TLS = 3159;
/** Protocol 4.1, secure connection, named plugin: the least that every server since 4.1 takes. */
const CAPABILITIES = 0x0008_8200;
/** A whole answer to the greeting, from the user without a name: a server blocks addresses that hang up instead. */
const NOBODY = packet(
  1,
  Buffer.concat([
    u32(CAPABILITIES),
    u32(LONGEST_PACKET),
    Buffer.from([33]),
    Buffer.alloc(23),
    Buffer.from([0, 0]),
    Buffer.from('mysql_native_password\0'),
  ]),
);

/** Ends the session of whoever was let in (COM_QUIT). */
const QUIT = packet(0, Buffer.from([1]));

/** MySQL and MariaDB: their greeting, and whether the user without a name gets in without a password. */
export const mysqlProbe: Probe = {
  protocol: 'mysql',
  ports: [3306],
  recognises: (greeting) =>
    /^[\s\S]{3}\0(\n\d[\w.+~:-]{2,60}\0|\xff[\s\S]{2}(#\w{5})?(Host |Too many connections))/.test(
      greeting.toString('latin1'),
    ),
  farewell: { says: NOBODY, last: (answer) => (answer[4] === 0 ? QUIT : null) },
  probe: (target) => talk(target, 'mysql', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  const greeting = await readPacket(conversation, target);
  if (greeting[0] === ERROR) {
    const access: Access = errorOf(greeting).code === 1130 ? 'refused' : 'unknown';
    return serviceResult('mysql', {
      access,
      what: `it greets with error ${errorOf(greeting).code}`,
      details: { says: errorOf(greeting).text },
    });
  }
  const end = greeting.indexOf(0, 1);
  if (greeting[0] !== PROTOCOL || end < 2 || greeting.length < end + 16)
    throw stopped(target, 'mysql', 'its greeting does not parse');
  const named = greeting.subarray(1, end).toString('latin1');
  conversation.write(NOBODY);
  const isMaria = /mariadb/i.test(named);
  return serviceResult('mysql', {
    product: isMaria ? 'MariaDB' : 'MySQL',
    version: /(\d+\.\d+\.\d+)/.exec(named.replace(/^5\.5\.5-/, ''))?.[1],
    ...(await verdict(conversation, target)),
    details: { says: named, tls: (greeting.readUInt16LE(end + 14) & OFFERS_TLS) === 0 ? 'not offered' : 'offered' },
  });
}

async function verdict(conversation: Conversation, target: ProbeTarget): Promise<{ access: Access; what: string }> {
  let answer = await readPacket(conversation, target);
  // It wants another way of proving a password: there is none to prove.
  if (answer[0] === 0xfe) {
    conversation.write(packet(3, Buffer.alloc(0)));
    answer = await readPacket(conversation, target);
  }
  if (answer[0] === 0) {
    conversation.write(QUIT);
    return { access: 'open', what: 'the user without a name was let in without a password' };
  }
  if (answer[0] !== ERROR) return { access: 'unknown', what: 'the user without a name was neither let in nor refused' };
  const { code } = errorOf(answer);
  if (code === ONLY_BY_TLS) return { access: 'unknown', what: 'it answers within TLS only, which was not tried' };
  const isRefusal = [1044, 1045, 1698, 1130].includes(code);
  return { access: isRefusal ? 'refused' : 'unknown', what: `the user without a name was answered with error ${code}` };
}

async function readPacket(conversation: Conversation, target: ProbeTarget): Promise<Buffer> {
  const length = (await conversation.read(4)).readUIntLE(0, 3);
  if (length === 0 || length > LONGEST_PACKET) throw stopped(target, 'mysql', 'a packet has a length that cannot be');
  return conversation.read(length);
}

function errorOf(body: Buffer): { code: number; text: string } {
  const code = body.length >= 3 ? body.readUInt16LE(1) : 0;
  return {
    code,
    text: body
      .subarray(3)
      .toString('utf8')
      .replace(/^#\w{5}/, ''),
  };
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
