import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceProbe } from '../../model/probe.ts';
import { UDP_PROBES } from '../probes-udp/registry.ts';
import { answerTo, bytesOf, type Captured, play, readCaptured } from './fixtures/played.ts';
import { chooseByAnswer, chooseProbe } from './identify.ts';
import { PROBES } from './registry.ts';
import { targetAt } from './testing.ts';

const ADDRESS = '127.0.0.1';
const CAPTURED = readCaptured();
const probeOf = (fixture: Captured) => PROBES.find(({ protocol }) => protocol === fixture.result.protocol)!;

/** Behind STARTTLS nothing is played, and that says so. */
const plain = (result: unknown): ServiceProbe => {
  const { tls: _tls, ...probe } = ServiceProbe.parse(result);
  const { starttls: _starttls, ...details } = probe.details;
  return { ...probe, details };
};

test('what real servers said is read as it was then, and their protocol is known by their first bytes', async (t) => {
  const tcp = CAPTURED.filter(({ udp }) => !udp);
  assert.ok(tcp.length >= 18, `${tcp.length} fixtures`);
  await Promise.all(
    tcp.map(async ({ name, fixture }) => {
      const server = await play(fixture);
      t.after(() => server.close());
      const probe = probeOf(fixture);
      const target = { ...targetAt(server.port), port: fixture.port };
      const opening = probe.asks?.opening(target);
      const answer = opening && answerTo(fixture, opening, ADDRESS);
      const greeting = fixture.greeting ? bytesOf(fixture.greeting) : (answer ?? Buffer.alloc(0));
      const known = fixture.greeting ? chooseProbe(greeting) : chooseByAnswer(probe, greeting);
      assert.equal(known?.protocol, probe.protocol, name);
      assert.deepEqual(plain(await probe.probe({ ...target, greeting })), plain(fixture.result), name);
    }),
  );
});

test('nobody takes the first bytes of one real server for another protocol’s', () => {
  for (const { name, fixture } of CAPTURED.filter(({ udp, fixture: { greeting } }) => !udp && greeting))
    for (const probe of PROBES.filter(({ protocol }) => protocol !== 'unknown'))
      assert.equal(
        probe.recognises(bytesOf(fixture.greeting)),
        probe.protocol === fixture.result.protocol,
        `${probe.protocol} on ${name}`,
      );
});

test('what real servers said over UDP is read as it was then', async () => {
  const udp = CAPTURED.filter((one) => one.udp);
  assert.deepEqual([...new Set(udp.map(({ fixture }) => fixture.result.protocol))].sort(), [
    'dns',
    'ipmi',
    'ntp',
    'snmp',
  ]);
  for (const { name, fixture } of udp) {
    const probe = UDP_PROBES.find(({ protocol }) => protocol === fixture.result.protocol)!;
    assert.ok(probe.ports.includes(fixture.port));
    const ask = async (bytes: Buffer): Promise<Buffer[]> =>
      [answerTo(fixture, bytes, ADDRESS)].filter((one) => one !== null);
    const result = await probe.probe({ address: ADDRESS, port: fixture.port, ask });
    assert.deepEqual(plain(result), plain(fixture.result), name);
  }
});

test('answers that are cut anywhere, or changed in any one place, are errors or results, never anything else', async () => {
  for (const { fixture } of CAPTURED.filter((one) => one.udp)) {
    const probe = UDP_PROBES.find(({ protocol }) => protocol === fixture.result.protocol)!;
    const look = async (change: (answer: Buffer) => Buffer): Promise<void> => {
      const ask = async (bytes: Buffer): Promise<Buffer[]> => {
        const answer = answerTo(fixture, bytes, ADDRESS);
        return answer ? [change(answer)] : [];
      };
      const result = await probe.probe({ address: ADDRESS, port: fixture.port, ask });
      if (result) ServiceProbe.parse(result);
    };
    for (let at = 0; at < 120; at++) {
      await look((answer) => answer.subarray(0, at));
      for (const value of [0, 0x7f, 0x80, 0xff])
        await look((answer) => {
          const changed = Buffer.from(answer);
          if (at < changed.length) changed[at] = value;
          return changed;
        });
    }
  }
});
