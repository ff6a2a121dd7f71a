import type { Access } from '../../../model/probe.ts';
import type { Conversation } from '../../scanner/conversation.ts';
import type { Probe, ProbeTarget } from '../contract.ts';
import { serviceResult, stopped, talk } from '../service-result.ts';
import { commandBytes, type Fields, fieldsOf, replyLength } from './wire.ts';

const ANSWER_MS = 4000;
const HELLO_ID = 0x6c65;
const HELLO = commandBytes(HELLO_ID, 'isMaster', true);
/** wire version of 3.6, the first that knows OP_MSG */
const KNOWS_MSG = 6;
const UNAUTHORIZED = 13;

/** MongoDB: anybody is told what it is; whether anybody may see its databases is asked by listing their names. */
export const mongodbProbe: Probe = {
  protocol: 'mongodb',
  ports: [27_017, 27_018, 27_019],
  asks: { opening: () => HELLO, knows: (answer) => replyLength(answer, HELLO_ID) !== null },
  recognises: (greeting) =>
    /It looks like you are trying to access MongoDB over HTTP/.test(greeting.toString('latin1')),
  probe: (target) => talk(target, 'mongodb', ANSWER_MS, (conversation) => read(conversation, target)),
};

async function read(conversation: Conversation, target: ProbeTarget) {
  const run = async (id: number, bytes: Buffer): Promise<Fields> => {
    conversation.write(bytes);
    const header = await conversation.read(16);
    const length = replyLength(header, id);
    if (length === null) throw stopped(target, 'mongodb', 'a command was answered otherwise');
    return fieldsOf(Buffer.concat([header, await conversation.read(length - 16)]));
  };
  const hello = await run(HELLO_ID, HELLO);
  const isLegacy = Number(hello['maxWireVersion'] ?? 0) < KNOWS_MSG;
  const build = await run(2, commandBytes(2, 'buildInfo', isLegacy));
  const list = await run(3, commandBytes(3, 'listDatabases', isLegacy));
  return serviceResult('mongodb', {
    product: 'MongoDB',
    version: typeof build['version'] === 'string' ? build['version'] : undefined,
    ...verdict(list),
    details: { replicaSet: hello['setName'], readOnly: hello['readOnly'], wireVersion: hello['maxWireVersion'] },
  });
}

function verdict(list: Fields): { access: Access; what: string } {
  if (list['ok'] === 1) return { access: 'open', what: 'its databases could be listed without credentials' };
  const says = String(list['errmsg'] ?? 'no reason');
  const isRefusal = list['code'] === UNAUTHORIZED || /not authorized|requires authentication|need to login/i.test(says);
  return { access: isRefusal ? 'refused' : 'unknown', what: `listing its databases was refused: ${says}` };
}
