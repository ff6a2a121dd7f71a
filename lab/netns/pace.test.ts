import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from './command.ts';

const ROOT = join(import.meta.dirname, '../..');
const ONCE = join(ROOT, 'bench/scan/once.ts');
const LISTEN = "require('net').createServer((socket) => socket.destroy()).listen(20003, '0.0.0.0')";

function skipped(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return ['/usr/sbin/tc', '/sbin/tc'].some(existsSync) ? false : 'tc is not installed';
}
const skip = skipped();

/** Two namespaces and a link between them that bears about 500 SYNs a second and drops what is more. */
async function narrowLink(t: TestContext): Promise<{ near: string; far: string }> {
  const [near, far] = [`ltpn${process.pid}`, `ltpf${process.pid}`];
  const ip = (...argv: string[]): Promise<string> => must(['ip', ...argv]);
  await ip('netns', 'add', near);
  await ip('netns', 'add', far);
  t.after(async () => {
    await ip('netns', 'del', near);
    await ip('netns', 'del', far);
  });
  await ip('link', 'add', 'v0', 'netns', near, 'type', 'veth', 'peer', 'name', 'v1', 'netns', far);
  for (const [name, link, address] of [
    [near, 'v0', '10.99.255.1/30'],
    [far, 'v1', '10.99.255.2/30'],
  ] as const) {
    await ip('-n', name, 'addr', 'add', address, 'dev', link);
    for (const up of [link, 'lo']) await ip('-n', name, 'link', 'set', up, 'up');
  }
  await ip('-n', near, 'route', 'add', '10.99.0.0/24', 'via', '10.99.255.2');
  // Each address of the range is the far side's own.
  await ip('-n', far, 'route', 'add', 'local', '10.99.0.0/24', 'dev', 'lo');
  await must(`tc -n ${near} qdisc add dev v0 root tbf rate 300kbit burst 3000 limit 6000`.split(' '));
  return { near, far };
}

test(
  '1.1: behind a link that drops most of what a scan sends, the pace falls and every open port is found',
  {
    skip,
  },
  async (t) => {
    const { near, far } = await narrowLink(t);
    const server = spawn('ip', ['netns', 'exec', far, process.execPath, '-e', LISTEN], { stdio: 'ignore' });
    t.after(() => server.kill());
    await sleep(1000);
    const asked = { cidr: '10.99.0.0/24', ports: '20001-20010', rate: 5000, path: 'epoll' };
    const told = await must(['ip', 'netns', 'exec', near, process.execPath, ONCE, JSON.stringify(asked)]);
    const { open, packets, seconds } = JSON.parse(told) as { open: string[]; packets: number; seconds: number };
    const dropped = await must(['tc', '-n', near, '-s', 'qdisc', 'show', 'dev', 'v0']);
    assert.equal(open.length, 256);
    assert.ok(Number(/dropped (\d+)/.exec(dropped)![1]) > 256, dropped);
    t.diagnostic(`${packets} packets for 2560 ports in ${seconds.toFixed(1)} s`);
  },
);
