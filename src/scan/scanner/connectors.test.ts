import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newBucket, newRtt } from '../logic/pace.ts';
import { newRetries } from '../logic/retries.ts';
import { freePort, listenWith, wants } from '../probes/testing.ts';
import type { Answer, Connector, Knock } from './connector.ts';
import { createGuard, type Guard } from './guard.ts';
import { chooseConnector, type WantedPath } from './native/choose.ts';
import { AF_INET, loadLibc, SOCK_FLAGS, SOCK_STREAM, SOCKADDR_BYTES } from './native/libc.ts';
import { Messages, rawSocket } from './native/raw.ts';
import { type Pair, sweep } from './sweep.ts';

const PATHS: readonly WantedPath[] = process.getuid?.() === 0 ? ['portable', 'epoll', 'syn'] : ['portable', 'epoll'];

interface Tried {
  guard: Guard;
  connector: Connector | undefined;
  /** everything outside of this set is refused by the guard */
  allowed: Set<string>;
}

async function through(t: TestContext, path: WantedPath, rate = 50_000): Promise<Tried> {
  const chosen = await chooseConnector(path);
  assert.equal(chosen.path, path, chosen.why);
  t.after(() => chosen.connector?.close());
  const allowed = new Set(['127.0.0.1', '127.0.0.2', '::1']);
  const bucket = newBucket(rate, performance.now());
  const guard = createGuard({ allows: (address) => allowed.has(address), bucket, connector: chosen.connector });
  return { guard, connector: chosen.connector, allowed };
}

/** What came of each, in order. */
async function ask(guard: Guard, pairs: readonly Pair[], timeoutMs = 2000, meanwhile?: () => void): Promise<Answer[]> {
  const answers: Answer[] = [];
  const all = Promise.withResolvers<void>();
  const knocks: Knock[] = pairs.map((pair, id) => ({ id, ...pair, timeoutMs }));
  await guard.knock(knocks, {
    signal: new AbortController().signal,
    answered: (some) => {
      answers.push(...some);
      if (answers.length === pairs.length) all.resolve();
    },
  });
  meanwhile?.();
  await all.promise;
  return answers.toSorted((a, b) => a.id - b.id);
}

/** A listener whose queue is full: the kernel drops what else asks for it, as a firewall would. */
async function silentPort(t: TestContext): Promise<number> {
  const libc = await loadLibc();
  const { at, view } = libc.block(SOCKADDR_BYTES * 2);
  view.setUint16(0, AF_INET, true);
  view.setUint32(4, 0x7f000001);
  view.setUint32(SOCKADDR_BYTES, SOCKADDR_BYTES, true);
  const fds = [libc.socket(AF_INET, SOCK_STREAM | SOCK_FLAGS, 0)];
  libc.bind(fds[0]!, at, 16);
  libc.listen(fds[0]!, 0);
  libc.getsockname(fds[0]!, at, at + SOCKADDR_BYTES);
  for (let filler = 0; filler < 3; filler++) {
    const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_FLAGS, 0);
    libc.connect(fd, at, 16);
    fds.push(fd);
  }
  t.after(() => fds.forEach((fd) => libc.close(fd)));
  return view.getUint16(2);
}

/** Ports that something listens on at 127.0.0.1, as the kernel lists them. */
function listening(): Set<number> {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const found = lines.map((line) =>
    /^ *\d+: (0100007F|0{8}|0{32}|0{16}FFFF0000(?:0100007F|0{8})):(\w{4}) \S+ 0A/.exec(line),
  );
  return new Set(found.flatMap((match) => (match ? [Number.parseInt(match[2]!, 16)] : [])));
}

/** Single packets reach no listener; who hears the wire notes when the SYNs to a port came. */
async function hearPackets(port: number, times: number[]): Promise<() => void> {
  const libc = await loadLibc();
  const fd = rawSocket(libc, port);
  const messages = new Messages(libc, 256, 128, false);
  const isSyn = (index: number): boolean => messages.data.view.getUint8(index * 128 + 33) === 2;
  const timer = setInterval(() => {
    const count = libc.recvmmsg(fd, messages.headerAt(0), 256, 0, 0);
    for (let index = 0; index < count; index++) if (isSyn(index)) times.push(performance.now());
  }, 1);
  return () => {
    clearInterval(timer);
    libc.close(fd);
  };
}

for (const path of PATHS) {
  test(`${path}: open, refused, silent and denied are told apart, on IPv4 and IPv6`, async (t) => {
    const { guard } = await through(t, path);
    const [v4, v6] = [await listenWith(() => undefined), await listenWith(() => undefined, '::1')];
    t.after(() => Promise.all([v4.close(), v6.close()]));
    const [closed, silent] = [await freePort(), await silentPort(t)];
    const verdicts = await ask(
      guard,
      [
        { address: '127.0.0.1', port: v4.port },
        { address: '127.0.0.1', port: closed },
        { address: '::1', port: v6.port },
        { address: '::1', port: closed },
        { address: '127.0.0.3', port: v4.port },
        { address: '127.0.0.1', port: silent },
      ],
      400,
    );
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ['open', 'refused', 'open', 'refused', 'denied', 'silent'],
    );
    assert.ok(verdicts[5]!.ms >= 390, `silence was heard after ${verdicts[5]!.ms} ms`);
  });

  test(`1.1: ${path}: nothing is sent where it is not allowed, and what waits there when it is excluded is ended`, async (t) => {
    const { guard, allowed } = await through(t, path);
    let heard = 0;
    const server = await listenWith(() => (heard += 1), '0.0.0.0');
    t.after(() => server.close());
    const outside = Array.from({ length: 50 }, (_, i) => ({ address: `127.0.1.${i}`, port: server.port }));
    const denied = await ask(guard, outside);
    assert.ok(denied.every(({ verdict }) => verdict === 'denied'));
    await sleep(50);
    assert.equal(heard, 0);
    const silent = await silentPort(t);
    const began = performance.now();
    const [one] = await ask(guard, [{ address: '127.0.0.1', port: silent }], 2900, () =>
      setTimeout(() => {
        allowed.delete('127.0.0.1');
        guard.recheck();
      }, 100),
    );
    assert.equal(one!.verdict, 'denied');
    assert.ok(performance.now() - began < 2000);
    const [after] = await ask(guard, [{ address: '127.0.0.1', port: server.port }]);
    assert.equal(after!.verdict, 'denied');
    await sleep(50);
    assert.equal(heard, 0);
  });

  test(`1.1: ${path}: a sweep keeps the rate, from its first moment on`, async (t) => {
    const { guard, allowed } = await through(t, path, 400);
    const times: number[] = [];
    const server = await listenWith(() => path !== 'syn' && times.push(performance.now()), '0.0.0.0');
    const stop = path === 'syn' ? await hearPackets(server.port, times) : () => undefined;
    t.after(() => (stop(), server.close()));
    const addresses = Array.from({ length: 400 }, (_, i) => `127.0.${5 + (i >> 8)}.${i & 255}`);
    for (const address of addresses) allowed.add(address);
    const began = performance.now();
    await sweep({
      guard,
      from: 0,
      to: 400,
      pairAt: (index) => ({ address: addresses[index]!, port: server.port }),
      rtt: newRtt(),
      report: async () => true,
    });
    // 40 at once, then 400 a second.
    assert.ok(performance.now() - began > 850, `took ${performance.now() - began} ms`);
    for (let wait = 0; wait < 50 && times.length < 400; wait++) await sleep(20);
    assert.equal(times.length, 400);
    // Whoever hears of them late hears of fewer by then, so a busy machine does not matter.
    for (const [index, at] of times.toSorted((a, b) => a - b).entries()) {
      const most = 40 + 40 + 0.4 * (at - began);
      assert.ok(index < most, `${index + 1} within ${at - began} ms at 400 a second`);
    }
  });

  test(`${path}: of thousands of ports exactly those are found that the kernel says are listened on`, async (t) => {
    const { guard } = await through(t, path);
    const servers = await Promise.all(Array.from({ length: 12 }, () => listenWith((socket) => socket.destroy())));
    t.after(() => Promise.all(servers.map((server) => server.close())));
    // All ports where that is quick; then our own connections sometimes get the very port that they ask for.
    const ports = Array.from({ length: path === 'portable' ? 4000 : 65_535 }, (_, i) => 1 + i);
    if (path === 'portable') ports.push(...servers.map(({ port }) => port));
    const before = listening();
    const open = new Set<number>();
    const isOver = await sweep({
      guard,
      from: 0,
      to: ports.length,
      pairAt: (index) => ({ address: '127.0.0.1', port: ports[index]! }),
      rtt: newRtt(),
      retries: newRetries(),
      report: async (progress) => {
        for (const { port } of progress.open) open.add(port);
        return true;
      },
    });
    assert.ok(isOver);
    const after = listening();
    for (const { port } of servers) assert.ok(open.has(port), `${port} was missed`);
    const missed = ports.filter((port) => before.has(port) && after.has(port) && !open.has(port));
    // Above, whatever else runs here listens for a moment and is gone when we look.
    const steady = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]);
    const invented = [...open].filter((port) => port < steady && !before.has(port) && !after.has(port));
    assert.deepEqual({ missed, invented }, { missed: [], invented: [] });
  });

  test(`${path}: after an abort nothing is heard any more, and another sweep works`, async (t) => {
    const { guard } = await through(t, path);
    const silent = [await silentPort(t), await silentPort(t), await silentPort(t)];
    const abort = new AbortController();
    const knocks = silent.map((port, id) => ({ id, address: '127.0.0.1', port, timeoutMs: 300 }));
    let heard = 0;
    await guard.knock(knocks, { signal: abort.signal, answered: (answers) => (heard += answers.length) });
    await sleep(50);
    abort.abort();
    await sleep(500);
    assert.equal(heard, 0);
    const [again] = await ask(guard, [{ address: '127.0.0.1', port: await freePort() }]);
    assert.equal(again!.verdict, 'refused');
  });
}

test('a connector that is closed leaves no file, no thread and no memory behind', async () => {
  const closed = await freePort();
  const once = async (): Promise<void> => {
    const { connector } = await chooseConnector();
    const bucket = newBucket(100_000, performance.now());
    const guard = createGuard({ allows: () => true, bucket, connector });
    const answers = await ask(
      guard,
      Array.from({ length: 300 }, (_, i) => ({ address: `127.0.7.${i % 250}`, port: closed + (i >= 250 ? 1 : 0) })),
    );
    assert.equal(answers.length, 300);
    await connector!.close();
  };
  const files = (): number => readdirSync('/proc/self/fd').length;
  const threads = (): number => readdirSync('/proc/self/task').length;
  for (let warm = 0; warm < 3; warm++) await once();
  const before = { files: files(), threads: threads(), rss: process.memoryUsage().rss };
  for (let time = 0; time < 12; time++) await once();
  assert.ok(files() <= before.files + 2, `${before.files} files before, ${files()} after`);
  assert.ok(threads() <= before.threads + 1, `${before.threads} threads before, ${threads()} after`);
  const grown = (process.memoryUsage().rss - before.rss) / 2 ** 20;
  assert.ok(grown < 40, `grown by ${grown.toFixed(0)} MB`);
});

test('silence is asked again: a port whose first packet got lost is found', async (t) => {
  const { guard } = await through(t, 'portable');
  const tries = new Map<number, number>();
  const lossy: Guard = {
    ...guard,
    // Every first packet is lost.
    knock: async (knocks, how) => {
      const lost = knocks.filter(({ id }) => !tries.has(id));
      for (const { id } of knocks) tries.set(id, (tries.get(id) ?? 0) + 1);
      how.answered(lost.map(({ id }) => ({ id, verdict: 'silent', ms: 1 })));
      await guard.knock(
        knocks.filter((knock) => !lost.includes(knock)),
        how,
      );
    },
  };
  const server = await listenWith((socket) => socket.destroy());
  t.after(() => server.close());
  const open: Pair[] = [];
  const options = {
    guard: lossy,
    from: 0,
    to: 20,
    pairAt: () => ({ address: '127.0.0.1', port: server.port }),
    rtt: newRtt(),
    retries: newRetries(),
    report: async (progress: { open: Pair[] }) => (open.push(...progress.open), true),
  };
  assert.ok(await sweep(options));
  assert.equal(open.length, 20);
  assert.equal(options.retries.helped, 2, 'so that a third try is made where the second was silent, too');
});

test('single packets to a subnet of our own that is full of absent hosts all go out, though each waits there for a neighbour', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root may make a network of its own');
  if (!wants(t, 'unshare') || !wants(t, 'ip')) return;
  const scan = JSON.stringify({ cidr: '10.79.2.0/24', ports: '20000-20039', rate: 5000, path: 'syn' });
  const network = `ip link set lo up
    ip link add near type veth peer name far
    ip addr add 10.79.0.1/20 dev near
    ip link set near up
    ip link set far up
    exec "$0" "$1" "$2"`;
  const once = join(import.meta.dirname, '../../../bench/scan/once.ts');
  const said = execFileSync('unshare', ['--net', 'sh', '-ec', network, process.execPath, once, scan], {
    encoding: 'utf8',
  });
  const { path, open, packets } = JSON.parse(said) as { path: string; open: string[]; packets: number };
  assert.deepEqual({ path, open }, { path: 'syn', open: [] });
  assert.ok(packets >= 2 * 256 * 40, `${packets} packets`);
});

test('without koffi, and where raw sockets are not permitted, the next best is taken, and it is said why', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-scan-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const choose = `
    import { chooseConnector } from ${JSON.stringify(join(import.meta.dirname, 'native/choose.ts'))};
    const { connector, path, why } = await chooseConnector(process.argv[2]);
    await connector?.close();
    process.stdout.write(path + ': ' + why);`;
  const said = (options: string[], wanted: WantedPath, program = choose): string => {
    const file = join(dir, 'program.mjs');
    writeFileSync(file, program);
    return execFileSync(process.execPath, [...options, file, wanted], { encoding: 'utf8' });
  };
  // As if it had not been installed; threads ask the same loader.
  const absent = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (name === 'koffi') throw new Error('it is not there');
      return next(name, context);
    } });`)}`;
  assert.match(
    said(['--import', absent], 'auto'),
    /^portable: not epoll: the package koffi could not be loaded \(it is not there\)/,
  );
  if (process.getuid?.() !== 0) return;
  const unprivileged = choose.replace('const {', 'process.setgid(65534); process.setuid(65534); const {');
  assert.match(said([], 'syn', unprivileged), /^epoll: .*; not syn: raw sockets are not permitted \(CAP_NET_RAW\)$/);
});

test('a setting takes Node’s own sockets, whatever else works', async () => {
  const chosen = await chooseConnector('portable');
  assert.equal(chosen.connector, undefined);
  assert.match(chosen.why, /settings/);
});

test('a thread that dies is no answer about anybody: the sweep ends in words', async (t) => {
  const { guard, connector } = await through(t, 'epoll');
  await connector!.close();
  const options = { from: 0, to: 5, rtt: newRtt(), report: async () => true };
  await assert.rejects(
    sweep({ ...options, guard, pairAt: () => ({ address: '127.0.0.1', port: 1 }) }),
    /ran out of sockets/,
  );
});
