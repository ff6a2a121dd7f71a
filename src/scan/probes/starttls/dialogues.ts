import { element, integer, numberOf, readElement, readElements, text } from '../../../model/ber.ts';
import type { Conversation } from '../../scanner/conversation.ts';
import { readUntil } from '../service-result.ts';
import { readLine, readLines, readReply, say } from './replies.ts';

/** Talks in the clear until TLS may begin: true then, false where the server does not want it. */
export type Dialogue = (conversation: Conversation) => Promise<boolean>;

export const OUR_NAME = 'lastember.invalid';

export const smtpStarttls: Dialogue = async (conversation) => {
  await readReply(conversation);
  say(conversation, `EHLO ${OUR_NAME}`);
  await readReply(conversation);
  say(conversation, 'STARTTLS');
  return (await readReply(conversation)).startsWith('220');
};

export const ftpStarttls: Dialogue = async (conversation) => {
  await readReply(conversation);
  say(conversation, 'AUTH TLS');
  return (await readReply(conversation)).startsWith('234');
};

export const imapStarttls: Dialogue = async (conversation) => {
  await readLine(conversation);
  say(conversation, 'a STARTTLS');
  return /^a OK/im.test(await readLines(conversation, (line) => line.startsWith('a ')));
};

export const pop3Starttls: Dialogue = async (conversation) => {
  await readLine(conversation);
  say(conversation, 'STLS');
  return (await readLine(conversation)).startsWith('+OK');
};

/** RFC 4511 §4.14: an extended request whose answer's result code is 0. */
const LDAP_STARTTLS = element(0x30, integer(1), element(0x77, text(0x80, '1.3.6.1.4.1.1466.20037')));

export const ldapStarttls: Dialogue = async (conversation) => {
  conversation.write(LDAP_STARTTLS);
  const answer = readElement(await readUntil(conversation, (bytes) => readElement(bytes) !== null));
  const response = readElements(answer?.element.body ?? Buffer.alloc(0))[1];
  const code = response?.tag === 0x78 ? readElements(response.body)[0] : undefined;
  return code !== undefined && numberOf(code) === 0;
};

export const xmppOpening = (to: string, kind: 'client' | 'server'): Buffer =>
  Buffer.from(
    `<?xml version='1.0'?><stream:stream to='${to}' xmlns='jabber:${kind}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
  );

/** What an XMPP server says first is whole with its abilities, with an error, or when it ends the stream. */
export const xmppAnswered = (bytes: Buffer): boolean =>
  /<\/stream:features>|<stream:features\s*\/>|<\/stream:error>|<\/stream:stream>/.test(bytes.toString('latin1'));

export const xmppStarttls =
  (to: string, kind: 'client' | 'server'): Dialogue =>
  async (conversation) => {
    conversation.write(xmppOpening(to, kind));
    await readUntil(conversation, xmppAnswered);
    conversation.write(Buffer.from("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
    return /<proceed\b/.test((await readUntil(conversation, (bytes) => bytes.includes('>'))).toString('latin1'));
  };

export const RDP_LAYER = { standard: 0, tls: 1, nla: 2 } as const;

/** X.224 connection request with the security layers that we would take ([MS-RDPBCGR] 2.2.1.1). */
export const rdpOpening = (layers: number): Buffer =>
  Buffer.from([3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, layers, 0, 0, 0]);

export async function readTpkt(conversation: Conversation): Promise<Buffer> {
  const header = await conversation.read(4);
  return Buffer.concat([header, await conversation.read(Math.max(0, header.readUInt16BE(2) - 4))]);
}

export const rdpStarttls: Dialogue = async (conversation) => {
  conversation.write(rdpOpening(RDP_LAYER.tls));
  const confirm = await readTpkt(conversation);
  return confirm[5] === 0xd0 && confirm[11] === 2 && confirm[15] === RDP_LAYER.tls;
};
