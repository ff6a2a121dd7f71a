import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { element, type Element, integer, readElement, readElements, text } from '../../../../model/ber.ts';
import { newBucket } from '../../../../scan/logic/pace.ts';
import { createGuard } from '../../../../scan/scanner/guard.ts';
import { readAll } from '../testing/api.ts';
import { crawl } from './crawl.ts';
import { snmp } from './index.ts';
import { Device, type Login } from './session.ts';

const ADDRESS = '127.74.161.9';
const COMMUNITY: Login = { community: 'for-tests-only', user: null, auth: null, priv: null };
const TABLE = '1.3.6.1.2.1.4.22.1.2';
const TABLE_BYTES = Buffer.from([0x2b, 6, 1, 2, 1, 4, 22, 1, 2]);
const [SEQUENCE, OCTETS, OID, NO_SUCH_INSTANCE, RESPONSE, REPORT] = [0x30, 0x04, 0x06, 0x81, 0xa2, 0xa8];

interface Asked {
  /** of the message, as it came */
  id: Element;
  /** what is asked for first */
  oid: Buffer;
  count: number;
}
/** Bytes in which numbers are written in groups of seven bits. */
const below = (number: number): Buffer => Buffer.from([0x80 | (number >> 14), 0x80 | ((number >> 7) & 0x7f), number & 0x7f]); // prettier-ignore
const row = (number: number, value = text(OCTETS, 'told'), at = TABLE_BYTES): Buffer =>
  element(SEQUENCE, element(OID, at, below(number)), value);
const reply = ({ id }: Asked, rows: readonly Buffer[], type = RESPONSE): Buffer =>
  element(type, element(0x02, id.body), integer(0), integer(0), element(SEQUENCE, ...rows));
const message = (pdu: Buffer): Buffer => element(SEQUENCE, integer(1), text(OCTETS, COMMUNITY.community!), pdu);

function askedIn(bytes: Buffer): Asked {
  const pdu = readElements(readElement(bytes)!.element.body)[2]!;
  const [id, , , list] = readElements(pdu.body);
  const varbinds = readElements(list!.body);
  return { id: id!, oid: readElements(varbinds[0]!.body)[0]!.body, count: varbinds.length };
}

/** A device that answers as it likes. */
async function device(
  t: TestContext,
  answer: (bytes: Buffer) => Buffer | null,
): Promise<{ port: number; heard(): number }> {
  const socket = createSocket('udp4');
  let heard = 0;
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    heard += 1;
    const said = answer(bytes);
    if (said) socket.send(said, from.port, from.address);
  });
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { port: socket.address().port, heard: () => heard };
}

async function column(port: number, most = { rows: 1000, ms: 20_000 }, login = COMMUNITY, allows = () => true) {
  const guard = createGuard({ bucket: newBucket(1e6, performance.now()), allows });
  const one = new Device(guard, ADDRESS, port, login, AbortSignal.timeout(30_000), most);
  try {
    return await one.column(TABLE);
  } finally {
    one.close();
  }
}

const lastOf = (oid: Buffer): number =>
  oid.subarray(TABLE_BYTES.length).reduce((all, byte) => all * 128 + (byte & 0x7f), 0);

test('1.15: a device whose table goes in circles, or back, is left with a word', { timeout: 30_000 }, async (t) => {
  const answers: ((asked: Asked) => Buffer[])[] = [
    () => [row(7)],
    ({ oid }) => [row(Math.max(1, 100 - lastOf(oid)))],
    () => [row(3), row(2)],
    // No value, and the same name each time: the library goes on for ever.
    () => [row(7, element(NO_SUCH_INSTANCE))],
  ];
  for (const rowsOf of answers) {
    const { port, heard } = await device(t, (bytes) => message(reply(askedIn(bytes), rowsOf(askedIn(bytes)))));
    await assert.rejects(column(port), /^Error: its table goes in circles$/);
    assert.ok(heard() <= 3, `asked ${heard()} times`);
  }
});

test('1.15: a table without an end ends at so many rows, or when its time is over', { timeout: 30_000 }, async (t) => {
  const endless = (value?: Buffer) => (bytes: Buffer) => {
    const asked = askedIn(bytes);
    return message(
      reply(
        asked,
        Array.from({ length: 50 }, (_, at) => row(lastOf(asked.oid) + 1 + at, value)),
      ),
    );
  };
  for (const value of [undefined, element(NO_SUCH_INSTANCE)]) {
    const { port, heard } = await device(t, endless(value));
    await assert.rejects(column(port), /^Error: its table has more than 1000 rows$/);
    assert.ok(heard() <= 21, `asked ${heard()} times`);
  }
  const { port } = await device(t, endless());
  await assert.rejects(column(port, { rows: 1e6, ms: 600 }), /^Error: it was not done within 0.01 minutes$/);
});

test(
  '1.15: an answer to another request, or none that can be read, is not waited for',
  { timeout: 20_000 },
  async (t) => {
    const other = await device(t, (bytes) => {
      const asked = askedIn(bytes);
      return message(reply({ ...asked, id: { tag: 2, body: Buffer.from([1, 2, 3]) } }, [row(1)]));
    });
    await assert.rejects(column(other.port), /^Error: what it sends is no answer to what it was asked$/);
    const noise = await device(t, () => Buffer.from('no SNMP at all'));
    await assert.rejects(column(noise.port), /^Error: what it sends is no answer to what it was asked$/);
  },
);

test('1.15: no error shows the community', async (t) => {
  const { port } = await device(t, (bytes) =>
    element(0x30, integer(1), text(OCTETS, 'other'), reply(askedIn(bytes), [row(1)])),
  );
  await assert.rejects(column(port), /^Error: its answer names another community$/);
});

test('1.15: who is excluded in the middle of a walk is asked nothing more', { timeout: 20_000 }, async (t) => {
  let isAllowed = true;
  const { port, heard } = await device(t, (bytes) => {
    const asked = askedIn(bytes);
    isAllowed = lastOf(asked.oid) < 2;
    return message(reply(asked, [row(lastOf(asked.oid) + 1)]));
  });
  await assert.rejects(
    column(port, undefined, COMMUNITY, () => isAllowed),
    /scope/,
  );
  assert.equal(heard(), 3);
});

const SHA256 = { protocol: 'sha256' as const, key: 'sign-with-this' };
const USER: Login = { community: null, user: 'reader', auth: SHA256, priv: null };
const REPORTABLE = 4;

/** SNMPv3 without a signature: all that somebody can say who has no keys. */
function unsigned(bytes: Buffer, boots: number, pdu: (id: Element) => Buffer): Buffer {
  const [, header, , data] = readElements(readElement(bytes)!.element.body);
  const [id] = readElements(header!.body);
  const engine = text(OCTETS, 'an-engine');
  const security = element(SEQUENCE, engine, integer(boots), integer(boots), text(OCTETS, 'reader'), text(OCTETS, ''), text(OCTETS, '')); // prettier-ignore
  const inner = data!.tag === SEQUENCE ? readElements(data!.body)[2] : undefined;
  const asked = inner ? readElements(inner.body)[0]! : id!;
  const head = element(SEQUENCE, element(0x02, id!.body), integer(65_507), element(OCTETS, Buffer.from([0])), integer(3)); // prettier-ignore
  const scoped = element(SEQUENCE, engine, text(OCTETS, ''), pdu(asked));
  return element(SEQUENCE, integer(3), head, element(OCTETS, security), scoped);
}
const pduOf = (rows: Buffer[], type: number) => (id: Element) => reply({ id, oid: TABLE_BYTES, count: 1 }, rows, type);

test('1.15: a user who signs believes nobody who does not', { timeout: 20_000 }, async (t) => {
  const stats = element(SEQUENCE, element(OID, Buffer.from([0x2b, 6, 1, 6, 3, 15, 1, 1, 4, 0])), integer(1, 0x41));
  const liar = await device(t, (bytes) => {
    const [, header] = readElements(readElement(bytes)!.element.body);
    const flags = readElements(header!.body)[2]!.body[0];
    // The first question is who one is; the answer to it is signed by nobody.
    if (flags === REPORTABLE) return unsigned(bytes, 1, pduOf([stats], REPORT));
    return unsigned(bytes, 1, pduOf([row(1), element(SEQUENCE, element(OID, Buffer.from([0x2b, 7])), integer(1))], RESPONSE)); // prettier-ignore
  });
  await assert.rejects(column(liar.port, undefined, USER), /^Error: its answer is not signed as the user signs$/);
  const circling = await device(t, (bytes) => unsigned(bytes, 0, pduOf([stats], REPORT)));
  await assert.rejects(column(circling.port, { rows: 9, ms: 1000 }, USER), /^Error: it was not done within/);
});

test('1.15: when its time is over, who was asked counts, and the others are left out by name', async (t) => {
  const { port } = await device(t, (bytes) => {
    const asked = askedIn(bytes);
    // Two single values, or a table that ends at once.
    const over = element(SEQUENCE, element(OID, asked.oid), element(0x82));
    return message(
      reply(asked, asked.count === 2 ? [row(1, text(OCTETS, 'OS')), row(1, text(OCTETS, 'core'))] : [over]),
    );
  });
  const seeds = `${ADDRESS}, 127.74.161.8`;
  const { skipped } = await readAll(
    {
      ...snmp,
      read: async function* (asking) {
        const leash = {
          seeds: seeds.split(', '),
          hops: 0,
          most: 9,
          neighbours: 9,
          follows: () => false,
          port,
          login: COMMUNITY,
        };
        const told = await crawl(asking, { ...leash, ms: 300 });
        assert.deepEqual(told.map(({ name }) => name), ['core']); // prettier-ignore
        yield* told;
      },
    },
    {},
    {},
    () => true,
  );
  assert.deepEqual(skipped, ['device that there was no time left to ask']);
});
