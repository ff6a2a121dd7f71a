import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceRecord } from './contract.ts';
import { flows } from './flows.ts';

function parse(text: string, settings: Record<string, string> = {}): { records: SourceRecord[]; skipped: string[] } {
  const skipped: string[] = [];
  const records = flows.parse(text, { settings, now: new Date(), skip: (why) => void skipped.push(why) });
  return { records, skipped };
}
const told = (records: readonly SourceRecord[]): [string, string | undefined][] =>
  records.map(({ addresses, evidence }) => [addresses[0]!, evidence?.['answers']]);

test('1.16: VPC flow logs, with and without a head: who sends is there, who is only sent to is not', () => {
  const rows = [
    '2 123456789010 eni-1 10.0.1.5 10.0.1.9 49152 5432 6 20 4249 1418530010 1418530070 ACCEPT OK',
    '2 123456789010 eni-1 10.0.1.5 10.0.1.77 49153 22 6 1 40 1418530010 1418530070 REJECT OK',
    '2 123456789010 eni-1 203.0.113.7 10.0.1.5 443 49152 6 20 4249 1418530010 1418530070 ACCEPT OK',
    '2 123456789010 eni-1 - - - - - - - 1418530010 1418530070 - NODATA',
  ];
  const head =
    'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status';
  for (const text of [rows.join('\n'), [head, ...rows, ''].join('\n')]) {
    const { records, skipped } = parse(text);
    assert.deepEqual(told(records), [['10.0.1.5', undefined]]);
    assert.equal(records[0]?.evidence?.['flows'], '2 with 2 others');
    assert.deepEqual(skipped, ['address that is not among our own', 'record without addresses']);
  }
});

test('1.16: Zeek’s conn.log, as text and as JSON: whoever answered is there, too, with what it serves', () => {
  const text = [
    '#separator \\x09',
    '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_pkts\tresp_pkts',
    '1700000000.1\tC1\t192.168.1.10\t50000\t192.168.1.20\t443\ttcp\t10\t9',
    '1700000000.2\tC2\t192.168.1.10\t50001\t192.168.1.21\t443\ttcp\t1\t0',
    '#close\t2026-01-01',
  ].join('\n');
  const json = [
    { 'id.orig_h': '192.168.1.10', 'id.resp_h': '192.168.1.20', 'id.resp_p': 443, proto: 'tcp', resp_pkts: 9 },
    { 'id.orig_h': '192.168.1.10', 'id.resp_h': '192.168.1.21', 'id.resp_p': 443, proto: 'tcp', resp_pkts: 0 },
  ].map((row) => JSON.stringify(row));
  for (const one of [text, json.join('\n')])
    assert.deepEqual(told(parse(one).records), [
      ['192.168.1.10', undefined],
      ['192.168.1.20', '443/tcp'],
    ]);
  assert.deepEqual(told(parse(text, { 'least-flows': '2' }).records), [['192.168.1.10', undefined]]);
});

test('1.16: what is no flow record is refused by its line, and what names no address of ours is empty', () => {
  assert.throws(() => parse('hello\n'), /line 1 is no flow record/);
  assert.throws(() => parse('{"id.orig_h"\n'), /line 1 is no JSON/);
  assert.throws(() => parse('sa,da,dp,pr\nx,10.0.0.1,1,TCP'), /"x" stands where an address should/);
  assert.deepEqual(parse('sa,da,dp,pr\n').records, []);
  assert.throws(() => parse('sa,da\n', { within: ',' }), /within names no address/);
});

/** NetFlow version 5, as a router exports it: 24 bytes of head, 48 for each flow. */
function netflow5(pairs: readonly (readonly [string, string, number])[]): Buffer {
  const bytes = Buffer.alloc(24 + 48 * pairs.length);
  bytes.writeUInt16BE(5, 0);
  bytes.writeUInt16BE(pairs.length, 2);
  bytes.writeUInt32BE(60_000, 4);
  bytes.writeUInt32BE(Math.floor(Date.now() / 1000), 8);
  for (const [index, [from, to, port]] of pairs.entries()) {
    const at = 24 + 48 * index;
    Buffer.from(from.split('.').map(Number)).copy(bytes, at);
    Buffer.from(to.split('.').map(Number)).copy(bytes, at + 4);
    bytes.writeUInt32BE(3, at + 16);
    bytes.writeUInt32BE(180, at + 20);
    bytes.writeUInt32BE(1000, at + 24);
    bytes.writeUInt32BE(2000, at + 28);
    bytes.writeUInt16BE(40_000, at + 32);
    bytes.writeUInt16BE(port, at + 34);
    bytes.writeUInt8(6, at + 38);
  }
  return bytes;
}

/** Bytes that lie unread at a UDP port here; null where nobody listens. */
function unreadAt(port: number): number | null {
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const row = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local]) => local?.endsWith(place));
  return row ? Number.parseInt(row[4]!.split(':')[1]!, 16) : null;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600 && !isSo(); tries++) await sleep(50);
  assert.ok(isSo());
}

const skip = spawnSync('nfcapd', ['-V']).error ? 'nfdump is not installed' : false;
test('1.16: what a real collector received by NetFlow and nfdump wrote', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-flows-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const port = 20_000 + (process.pid % 20_000);
  const collector = spawn('nfcapd', ['-w', dir, '-b', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  t.after(() => collector.kill('SIGKILL'));
  await until(() => unreadAt(port) !== null);
  const socket = createSocket('udp4');
  const flowsSent = netflow5([
    ['10.9.0.1', '10.9.0.2', 443],
    ['10.9.0.2', '198.51.100.1', 53],
  ]);
  await new Promise((resolve) => socket.send(flowsSent, port, '127.0.0.1', resolve));
  socket.close();
  await until(() => unreadAt(port) === 0);
  // What it has taken it works out within its turn.
  await sleep(500);
  collector.kill('SIGTERM');
  await once(collector, 'exit');
  const file = readdirSync(dir).find((name) => name.startsWith('nfcapd.2') || name.startsWith('nfcapd.current'));
  assert.ok(file, `nfcapd wrote nothing: ${readdirSync(dir).join(', ')}`);
  const csv = execFileSync('nfdump', ['-r', join(dir, file), '-o', 'csv'], { encoding: 'utf8' });
  assert.deepEqual(told(parse(csv).records).toSorted(), [
    ['10.9.0.1', undefined],
    ['10.9.0.2', undefined],
  ]);
});
