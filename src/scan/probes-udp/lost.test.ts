import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { ServiceProbe } from '../../model/probe.ts';
import { tellsLess } from '../logic/describe.ts';
import { TIME_QUERY } from '../logic/ntp.ts';
import { ntpProbe } from './ntp.ts';

/** The answer of a time server of stratum 2 (RFC 5905). */
const TIME = Buffer.alloc(48);
TIME.set([0x24, 2, 6, 0xec]);
TIME.write('lastembr', 24, 'latin1');

/** A real socket that answers what it is told to; asked as a scan does, without the waiting. */
async function server(t: TestContext, answer: (bytes: Buffer, place: number) => Buffer | null) {
  const socket: Socket = createSocket('udp4');
  t.after(() => socket.close());
  let place = 0;
  socket.on('message', (bytes, from) => {
    const said = answer(bytes, place++);
    if (said) socket.send(said, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const ask = async (bytes: Buffer): Promise<Buffer[]> => {
    const ours = createSocket('udp4');
    ours.send(bytes, port, '127.0.0.1');
    const heard = await Promise.race([
      once(ours, 'message').then(([first]) => [first as Buffer]),
      new Promise<Buffer[]>((resolve) => setTimeout(() => resolve([]), 300)),
    ]);
    ours.close();
    return heard;
  };
  return { address: '127.0.0.1', port, ask };
}

const isTime = (bytes: Buffer): boolean => bytes.length === TIME_QUERY.length;
const OPEN: ServiceProbe = { protocol: 'ntp', access: 'open', what: 'it tells its variables', details: {} };

test('silence over UDP where somebody was let in is a no only when other questions get through', async (t) => {
  const closed = await server(t, (bytes) => (isTime(bytes) ? TIME : null));
  const refused = (await ntpProbe.probe(closed))!;
  assert.deepEqual([refused.access, refused.details['silent'], tellsLess(OPEN, refused)], ['refused', undefined, null]);
  const lossy = await server(t, (bytes, place) => (isTime(bytes) && place === 0 ? TIME : null));
  const lost = (await ntpProbe.probe(lossy))!;
  assert.equal(lost.access, 'refused');
  assert.match(tellsLess(OPEN, lost) ?? '', /only did not answer/);
  assert.equal(tellsLess({ ...OPEN, access: 'refused' }, lost), null, 'nothing is lost where it was closed before');
});
