import type { Access } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import { ConversationEnded } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const ANSWER_MS = 3000;
const VERSION_MS = 600;
/** MQTT 3.1.1, a clean session that nobody resumes, no name, no user. */
const CONNECT = Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 10, 0, 0]);
const DISCONNECT = Buffer.from([0xe0, 0]);
const TOPIC = Buffer.from('$SYS/broker/version');
const SUBSCRIBE = Buffer.concat([
  Buffer.from([0x82, TOPIC.length + 5, 0, 1, 0, TOPIC.length]),
  TOPIC,
  Buffer.from([0]),
]);

const isConnack = (bytes: Buffer): boolean =>
  bytes.length >= 4 && bytes[0] === 0x20 && bytes[1] === 2 && bytes[2]! <= 1 && bytes[3]! <= 5;

const MEANS: readonly [access: Access, what: string][] = [
  ['open', 'a CONNECT without credentials was accepted'],
  ['unknown', 'it speaks another version of MQTT'],
  ['unknown', 'it wants every client to have a name'],
  ['unknown', 'it is not ready to serve'],
  ['refused', 'a CONNECT without credentials was refused'],
  ['refused', 'a CONNECT without credentials was refused'],
];

/** MQTT: what its broker says to a client without a name; where it is let in, what version it says it is. */
export const mqttProbe: Probe = {
  protocol: 'mqtt',
  ports: [1883, 8883],
  asks: { opening: () => CONNECT, knows: isConnack, fewest: 4 },
  recognises: () => false,
  probe: (target) => talk(target, 'mqtt', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  conversation.write(CONNECT);
  const connack = await conversation.read(4);
  if (!isConnack(connack)) throw stopped(target, 'mqtt', 'a CONNECT was answered otherwise');
  const [access, what] = MEANS[connack[3]!]!;
  const version = access === 'open' ? await versionOf(conversation) : null;
  conversation.write(DISCONNECT);
  const named = /^(\S+) version (\S+)/.exec(version ?? '');
  const product = named?.[1] === 'mosquitto' ? 'Mosquitto' : named?.[1];
  return serviceResult('mqtt', { product, version: named?.[2], access, what, details: { says: version } });
}

/** What the broker tells on the topic that brokers tell it on; null: nothing. */
async function versionOf(conversation: Conversation): Promise<string | null> {
  conversation.write(SUBSCRIBE);
  let bytes = Buffer.alloc(0);
  try {
    while (bytes.length < 512 && (await conversation.arrives(VERSION_MS))) {
      bytes = Buffer.concat([bytes, await conversation.readSome()]);
      const at = bytes.indexOf(TOPIC);
      if (at >= 0 && bytes.length > at + TOPIC.length) return bytes.subarray(at + TOPIC.length).toString('utf8');
    }
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
  }
  return null;
}
