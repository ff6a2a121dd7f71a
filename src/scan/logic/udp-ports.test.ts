import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UDP_PROBES } from '../probes-udp/registry.ts';
import { parseUdp, UDP_ASKED } from './udp-ports.ts';

test('UDP ports are those that a probe lives on, and none unless asked for', () => {
  const lived = UDP_PROBES.flatMap(({ ports }) => ports).sort((a, b) => a - b);
  assert.deepEqual([...UDP_ASKED], lived);
  assert.deepEqual([parseUdp('none'), parseUdp('default'), parseUdp('161, 53,53')], [[], [...lived], [53, 161]]);
  for (const wrong of ['', 'full', '53,', '1-1000', '65536', '-53']) assert.throws(() => parseUdp(wrong), wrong);
});
