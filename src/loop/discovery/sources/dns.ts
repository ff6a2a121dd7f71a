import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { type DecodedPacket, decode, encode, type Answer } from 'dns-packet';
import { normalAddress } from '../../../scan/logic/address.ts';
import { type AskedSource, optional, setting, type SourceRecord } from './contract.ts';

const TIMEOUT_MS = 60_000;
/** A zone of a million names; larger ones are somebody's mistake. */
const LIMIT = 256 * 1024 * 1024;

/** Zone transfers (RFC 5936) of forward and reverse zones. A name with several addresses may be several machines. */
export const dns: AskedSource = {
  kind: 'dns',
  of: 'addresses',
  how: 'asked',
  title: 'DNS zones',
  needs:
    'Leave to transfer the zones to the address of this server (allow-transfer); signed transfers (TSIG) are not spoken.',
  isList: false,
  fields: [
    setting('server', 'address of a name server that has the zones'),
    setting('zones', 'zones, with commas between, such as example.org,2.0.192.in-addr.arpa'),
    optional('port', 'its port', '53'),
  ],
  async *read({ settings, skip, signal }) {
    const server = normalAddress(settings['server']!);
    const port = Number(settings['port']);
    if (!server) throw new Error(`"${settings['server']}" is no address; name the server by its address`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`"${settings['port']}" is no port`);
    for (const zone of settings['zones']!.split(',').map((one) => one.trim().replace(/\.$/, '').toLowerCase())) {
      for await (const answer of transfer({ server, port, zone, signal })) {
        const record = recordOf(answer, skip);
        if (record) yield record;
      }
    }
  },
};

function recordOf(answer: Answer, skip: (why: string) => void): SourceRecord | null {
  if (answer.type === 'PTR') {
    const address = addressOfPtr(answer.name);
    if (!address) return null;
    return { id: `${answer.name} PTR`, addresses: [address], name: answer.data.replace(/\.$/, '') };
  }
  if (answer.type !== 'A' && answer.type !== 'AAAA') return null;
  if (answer.name.startsWith('*')) {
    skip('name with an asterisk');
    return null;
  }
  return { id: `${answer.name} ${answer.data}`, addresses: [answer.data], name: answer.name };
}

/** `1.2.0.192.in-addr.arpa` and the nibbles of `ip6.arpa` (RFC 1035 §3.5, RFC 3596 §2.5). */
function addressOfPtr(name: string): string | null {
  const four = /^((?:\d{1,3}\.){4})in-addr\.arpa$/i.exec(name)?.[1];
  if (four) return normalAddress(four.split('.').filter(Boolean).reverse().join('.'));
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/i.exec(name)?.[1];
  return six ? normalAddress(six.split('.').filter(Boolean).reverse().join('').match(/.{4}/g)!.join(':')) : null;
}

interface Transfer {
  server: string;
  port: number;
  zone: string;
  signal: AbortSignal;
}

/** Everything between the two SOA records that a transfer begins and ends with. */
async function* transfer(asked: Transfer): AsyncGenerator<Answer> {
  let marks = 0;
  for await (const packet of messages(asked)) {
    if (packet.rcode !== 'NOERROR')
      throw new Error(`${asked.server} refused to transfer ${asked.zone} (${packet.rcode}); allow it for this server`);
    for (const answer of packet.answers ?? []) {
      if (answer.type === 'SOA') marks++;
      else yield answer;
    }
    if (marks >= 2) return;
  }
  throw new Error(`${asked.server} ended the transfer of ${asked.zone} before its end`);
}

/** Messages over TCP, each after its length in two bytes (RFC 1035 §4.2.2). */
async function* messages({ server, port, zone, signal }: Transfer): AsyncGenerator<DecodedPacket & { rcode: string }> {
  const id = randomInt(65_536);
  const question = encode({ type: 'query', id, questions: [{ type: 'AXFR', name: zone }] } as Parameters<
    typeof encode
  >[0]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(question.length);
  const socket = connect({ host: server, port, signal });
  socket.setTimeout(TIMEOUT_MS, () =>
    socket.destroy(new Error(`${server} did not answer within ${TIMEOUT_MS / 1000} s`)),
  );
  socket.write(Buffer.concat([length, question]));
  try {
    for await (const bytes of framed(socket, zone)) {
      const packet = decode(bytes) as DecodedPacket & { rcode: string };
      if (packet.id !== id) throw new Error(`${server} answered another question than ours`);
      yield packet;
    }
  } finally {
    socket.destroy();
  }
}

/** Each whole message, without its length before it. */
async function* framed(socket: AsyncIterable<Buffer>, zone: string): AsyncGenerator<Buffer> {
  let waiting = Buffer.alloc(0);
  let read = 0;
  for await (const chunk of socket) {
    read += chunk.length;
    if (read > LIMIT) throw new Error(`the zone ${zone} is larger than ${LIMIT / 1024 / 1024} MiB`);
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE()) {
      const end = 2 + waiting.readUInt16BE();
      yield waiting.subarray(2, end);
      waiting = waiting.subarray(end);
    }
  }
}
