import assert from 'node:assert/strict';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Command } from 'commander';
import { sshServer } from '../loop/discovery/testing/index.ts';
import { call, sessionOf } from '../platform/http/testing/served.ts';
import { keyIdOf } from './approval.ts';
import { EXAMPLES } from './examples.ts';
import { harmless, table } from './output.ts';
import pc from 'picocolors';
import { program } from './program.ts';
import { pick } from './lookup.ts';
import { collect, commandLine, says, type Ran } from './testing/binary.ts';

const cli = commandLine(process.env);
const dataDir = join(cli.home, 'data');
let up: ChildProcess;
let url: string;
let link: string;
let agents: string;
before(async () => {
  up = cli.start(['up', '--data', dataDir, '--port', '0', '--agent-port', '0']);
  const said = collect(up);
  url = (await says(up, said, /^console +(http:\S+)$/m))[1]!;
  link = (await says(up, said, /^sign in +(http:\S+)$/m))[1]!;
  agents = (await says(up, said, /^agents +call (\S+) /m))[1]!;
  await says(up, said, /Ctrl-C/);
});
after(async () => {
  up.kill('SIGTERM');
  if (up.exitCode === null) await once(up, 'close');
  cli.remove();
});

const run = (...args: string[]): Promise<Ran> => cli.run(['--data', dataDir, ...args]);
async function ok(...args: string[]): Promise<string> {
  const ran = await run(...args);
  assert.equal(ran.code, 0, `${args.join(' ')}\n${ran.out}${ran.err}`);
  return ran.out;
}
// oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of it, the test says
const json = async (...args: string[]): Promise<any> => JSON.parse(await ok(...args, '--json'));
async function fails(code: number, words: RegExp, ...args: string[]): Promise<void> {
  const ran = await run(...args);
  assert.equal(ran.code, code, `${args.join(' ')}\n${ran.out}${ran.err}`);
  assert.match(ran.err, words, args.join(' '));
  assert.doesNotMatch(ran.err, /\n\s+at /, 'no stack for people');
}

/** Every command that does something, by name. */
function leaves(command: Command, name = ''): [string, Command][] {
  const own: [string, Command][] = '_actionHandler' in command && command['_actionHandler'] ? [[name, command]] : [];
  return [...own, ...command.commands.flatMap((child) => leaves(child, `${name} ${child.name()}`.trim()))];
}

test('every command has help with an example, and every example is understood', async () => {
  const all = leaves(program());
  assert.ok(all.length > 60);
  assert.deepEqual(
    all.map(([name]) => name).sort(),
    Object.keys(EXAMPLES).sort(),
    'one list of examples a command, and no others',
  );
  for (const [name] of all)
    for (const example of EXAMPLES[name]!) {
      const root = program();
      let ran: string | null = null;
      for (const [leaf, command] of leaves(root)) command.action(() => void (ran = leaf));
      const argv = [...example.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
      await root.parseAsync(argv, { from: 'user' });
      assert.equal(ran, name, example);
    }
  const help = await cli.run(['scope', 'add', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.out, /Example:\n {2}lastember scope add office/);
  assert.match(help.out, /--json/);
});

test('help fits 80 columns', async () => {
  for (const [name] of leaves(program())) {
    const lines = helpOf(name)
      .split('\n')
      .filter((line) => !line.includes('lastember '));
    for (const line of lines) assert.ok(line.length <= 80, `${name}: ${line}`);
  }
});
function helpOf(name: string): string {
  const [, command] = leaves(program()).find(([leaf]) => leaf === name)!;
  return command.helpInformation();
}

test('a mistyped command is answered with the nearest one', async () => {
  await fails(2, /unknown command 'scna'\n\(Did you mean scan\?\)/, 'scna');
  await fails(2, /unknown command 'aprove'\n\(Did you mean approve\?\)/, 'change', 'aprove', 'x');
  await fails(2, /unknown option '--unknwon'\n\(Did you mean --unknown\?\)/, 'hosts', '--unknwon');
  await fails(2, /missing required argument 'name'/, 'scope', 'add');
  await fails(2, /required option '--reason <text>' not specified/, 'change', 'create', '--kit', 'heartbleed');
  await fails(2, /too many arguments/, 'status', 'now');
});

test('bad input is exit 2, in the server’s words', async () => {
  await fails(2, /10\.0\.0\.0\/33/, 'scope', 'add', 'bad', '10.0.0.0/33');
  await fails(2, /confirm-wide|wide/i, 'scope', 'add', 'all', '0.0.0.0/0');
  await fails(2, /--rate takes a number, not "fast"/, 'scope', 'add', 'x', '10.0.0.0/30', '--rate', 'fast');
  await fails(2, /--state takes/, 'findings', '--state', 'sad');
  await fails(2, /is no date/, 'exception', 'add', '--kit', 'x', '--reason', 'y', '--owner', 'z', '--until', 'soon');
  await fails(2, /a tag takes key=value/, 'host', 'tag', 'web-1', 'prod');
  await fails(2, /there is no host "web-99"/, 'host', 'web-99');
  await fails(2, /no-such-file/, 'trail', 'verify', 'no-such-file');
  await fails(2, /--format takes html, md, json/, 'report', 'host', 'x', '--format', 'docx');
  await fails(2, /takes change, host, campaign, not "story"/, 'report', 'story', 'x');
  await fails(2, /--server takes an address/, '--server', 'localhost', 'status');
  await fails(2, /name takes letters/, 'key', 'new', '../../etc/cron');
  // What is not there is not there, whoever finds out: a list that was fetched here, or the server.
  await fails(2, /There is no change "change_none"/, 'change', 'show', 'change_none');
  await fails(2, /there is no change "none-such"/, 'change', 'show', 'none-such');
  await fails(2, /There is no kit "none"/, 'kit', 'show', 'none');
  await fails(2, /Neither a kit nor a feed here knows CVE-1999-0001/, 'affected', 'CVE-1999-0001');
  const refused = await run('scope', 'add', 'bad', '10.0.0.0/33', '--json');
  assert.equal(JSON.parse(refused.err).error.code, 'TARGET_INVALID');
  assert.equal(refused.out, '');
});

test('nobody there is exit 3, whatever else is set in the environment', async () => {
  await fails(
    3,
    /No Lastember server answers at http:\/\/127\.0\.0\.1:9\./,
    '--server',
    'http://127.0.0.1:9',
    'status',
  );
  const nowhere = await cli.run(['--data', join(cli.home, 'nothing'), 'status'], {
    env: { PGHOST: 'db.example', LASTEMBER_PORT: 'seventy' },
  });
  assert.deepEqual([nowhere.code, nowhere.out], [3, '']);
  assert.match(nowhere.err, /set --server or --data/);
  const notOurs = createServer((_, reply) => reply.writeHead(404).end('<h1>It works!</h1>'));
  await once(notOurs.listen(0, '127.0.0.1'), 'listening');
  await fails(
    4,
    /Is it a Lastember server\?/,
    '--server',
    `http://127.0.0.1:${(notOurs.address() as AddressInfo).port}`,
    'status',
  );
  notOurs.close();
});

test('what one’s role may not do is exit 4; no token is, too', async () => {
  await ok('user', 'add', 'vic', '--role', 'viewer');
  const { secret } = await json('token', 'add', 'vics', '--user', 'vic');
  const as = (token: string, ...args: string[]): Promise<Ran> =>
    cli.run(['--server', `${url}/`, ...args], { env: { LASTEMBER_TOKEN: token } });
  assert.equal((await as(secret, 'status')).code, 0);
  const refused = await as(secret, 'scope', 'add', 'x', '192.0.2.0/30');
  assert.equal(refused.code, 4);
  assert.match(refused.err, /Your role \(viewer\) may not do this; it takes operator or admin/);
  for (const token of ['', 'lemb_guess']) {
    const nobody = await as(token, 'status');
    assert.equal(nobody.code, 4);
    assert.match(nobody.err, /LASTEMBER_TOKEN/);
  }
  const fromEnvironment = await cli.run(['status', '--json'], {
    env: { LASTEMBER_TOKEN: secret, LASTEMBER_SERVER: url },
  });
  assert.equal(fromEnvironment.code, 0);
  const [token] = (await json('token', 'list')).filter((one: { person: string }) => one.person === 'vic');
  await ok('token', 'revoke', token.id.slice(-8));
  assert.equal((await as(secret, 'status')).code, 4);
});

test('the first sign-in link works once, in a browser', async () => {
  const code = new URL(link).hash.replace('#code=', '');
  assert.equal(new URL(link).origin, url);
  const first = await call(`${url}/api/v1/sign-in/link`, { body: { code } });
  assert.equal(first.status, 200);
  const me = await call(`${url}/api/v1/me`, { cookie: sessionOf(first)! });
  assert.deepEqual([me.body.name, me.body.role], ['admin', 'admin']);
  assert.equal((await call(`${url}/api/v1/sign-in/link`, { body: { code } })).status, 401);
  const again = await ok('user', 'link', 'admin');
  assert.match(again, /sign-in#code=lnk_/);
});

test('what agents are told to call is where they are answered', async () => {
  const made = await json('enroll-token', 'create');
  assert.equal(made.server, agents);
  const [host, port] = agents.split(':') as [string, string];
  const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  assert.match(String(socket.getPeerCertificate().subjectaltname), new RegExp(host.replaceAll('.', '\\.')));
  socket.destroy();
});

test('the address file on the server’s machine is its owner’s only', () => {
  const path = join(dataDir, 'local.json');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).url, url);
});

test('a second `up` on the same data directory is refused, and says who is there', async () => {
  await fails(
    4,
    new RegExp(`Another Lastember \\(process ${up.pid}, .*--data`),
    'up',
    '--port',
    '0',
    '--agent-port',
    '0',
  );
  assert.equal((await run('status')).code, 0, 'the first one is unharmed');
});

test('a taken port is refused and does not use up the first link', async (t) => {
  const taken = createTcp();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.after(() => void taken.close());
  const other = join(cli.home, 'other');
  const args = ['up', '--data', other, '--agent-port', '0'];
  const port = String((taken.address() as AddressInfo).port);
  const refused = await cli.run([...args, '--port', port]);
  assert.equal(refused.code, 4, refused.err);
  assert.match(
    refused.err,
    new RegExp(`port ${port} stopped: something listens there already. Choose another with --port`),
  );
  const again = cli.start([...args, '--port', '0']);
  const said = collect(again);
  await says(again, said, /^sign in +http:\S+#code=lnk_/m);
  again.kill('SIGINT');
  assert.deepEqual(await once(again, 'close'), [0, null]);
  assert.ok(!existsSync(join(other, 'local.json')), 'a server that has stopped is not found');
});

test('a server that was killed is started again; what it left behind opens nothing', async (t) => {
  const other = join(cli.home, 'killed');
  const args = ['up', '--data', other, '--port', '0', '--agent-port', '0', '--json'];
  const first = cli.start(args);
  const said = collect(first);
  await says(first, said, /"pid"/);
  const old = JSON.parse(readFileSync(join(other, 'local.json'), 'utf8'));
  first.kill('SIGKILL');
  await once(first, 'close');
  const between = await cli.run(['--data', other, 'status']);
  assert.equal(between.code, 3, between.err);
  const second = cli.start(args);
  t.after(async () => {
    second.kill('SIGTERM');
    await once(second, 'close');
  });
  const saidAgain = collect(second);
  await says(second, saidAgain, /"pid"/);
  const { url: address, adminLink } = JSON.parse(saidAgain.out);
  assert.match(adminLink, /#code=lnk_/, 'nobody came in yet, so the next start prints a link, too');
  assert.equal((await cli.run(['--data', other, 'status'])).code, 0);
  const stale = await cli.run(['--server', address, 'status'], { env: { LASTEMBER_TOKEN: old.token } });
  assert.equal(stale.code, 4, 'the token that the killed server had left is ended');
});

test('hosts import says what was taken and which lines were not', async () => {
  const file = join(cli.home, 'known.csv');
  writeFileSync(file, 'address,name\n127.78.9.9,paper\nno-such-host.invalid,x\n');
  const done = await run('hosts', 'import', file);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /imported +1/);
  assert.match(done.out, /line 3 +no-such-host.invalid/);
  assert.doesNotMatch(done.out, /object Object/);
  writeFileSync(file, '');
  assert.equal((await run('hosts', 'import', file)).code, 1, 'nothing was taken');
});

test('scope, scan, hosts: from a range to a claimed host', async (t) => {
  const ssh = await sshServer('127.78.3.9');
  t.after(() => ssh.close());
  const made = await json(
    'scope',
    'add',
    'lab',
    '127.78.3.8/30',
    '--ports',
    String(ssh.port),
    '--exclude',
    '127.78.3.10',
  );
  assert.deepEqual([made.name, made.exclude], ['lab', ['127.78.3.10']]);
  const [estimate] = JSON.parse((await run('scan', 'lab', '--dry-run', '--json')).out);
  assert.deepEqual([estimate.scope, estimate.pairs > 0], ['lab', true]);
  assert.match((await run('scan', 'lab', '--dry-run')).out, /packets +[\d,]+ to [\d,]+ /);
  const scanned = await run('scan', 'lab', '--json');
  assert.equal(scanned.code, 0, scanned.err);
  assert.match(scanned.err, /scan (queued|running|done): \d+ of \d+ looked at/, 'progress goes to standard error');
  const [scan] = JSON.parse(scanned.out);
  assert.deepEqual([scan.state, scan.counts.newHosts], ['done', 1]);
  const [host] = await json('hosts', '--unknown');
  assert.deepEqual(host.addresses, ['127.78.3.9']);
  assert.match(await ok('host', host.id.slice(-8)), /ssh-host-key|127\.78\.3\.9/);
  await ok('host', 'claim', '127.78.3.9', '--owner', 'web');
  await ok('host', 'tag', '127.78.3.9', 'env=prod', 'note=a=b');
  const [tagged] = await json('hosts', '--tag', 'env=prod');
  assert.deepEqual([tagged.claim, tagged.tags.env, tagged.tags.note], ['known', 'prod', 'a=b']);
  assert.deepEqual(await json('hosts', '--unknown'), []);
  assert.match(await ok('hosts', '--unknown'), /No host fits/);
  await fails(2, /there is no host/, 'deploy', 'nobody-there');
  // It would have been handed to nobody, and nobody would have been told.
  for (const other of [['some-host'], ['--unknown'], ['--login', 'root']])
    await fails(2, /--from names the hosts and their logins/, 'deploy', '--from', '/dev/null', ...other);
  await fails(2, /wide/i, 'scan', '0.0.0.0/0');
});

test('scopes are changed one setting at a time; targets come from files, ranges, names and profiles', async () => {
  const file = fileWith('targets', '# the plant\n127.78.4.1-3\n\n127.78.4.8/30 # printers\nlocalhost\n');
  const made = await json('scope', 'add', 'plant', '127.78.5.1', '--targets-file', file, '--ports', 'fast');
  assert.deepEqual(made.cidrs, ['127.78.5.1', '127.78.4.1-3', '127.78.4.8/30', 'localhost']);
  const hours = ['mon-fri 08:00-18:00 Europe/Berlin', 'sun 00:00-24:00'];
  const blackouts = hours.flatMap((when) => ['--blackout', when]);
  const changed = await json('scope', 'change', 'plant', ...blackouts, '--full-every', '14', '--subnet-rate', '50');
  assert.deepEqual([changed.blackouts, changed.fullEvery, changed.subnetRate, changed.ports], [hours, 14, 50, 'fast']);
  assert.match(await ok('scope', 'show', 'plant'), /blackouts +mon-fri 08:00-18:00 Europe\/Berlin; sun/);
  const freed = await json('scope', 'change', 'plant', '--no-blackout', '--no-full-every');
  assert.deepEqual([freed.blackouts, freed.fullEvery, freed.subnetRate], [[], null, 50]);
  await fails(2, /say what to change/, 'scope', 'change', 'plant');
  for (const both of [
    ['--blackout', hours[0]!, '--no-blackout'],
    ['--no-blackout', '--blackout', hours[0]!],
  ])
    await fails(2, /--blackout and --no-blackout contradict/, 'scope', 'change', 'plant', ...both);
  await fails(2, /time zone/, 'scope', 'change', 'plant', '--blackout', 'mon 08:00-18:00 Mars');
  await fails(2, /name what it covers/, 'scope', 'add', 'nothing');
  await fails(2, /there is no target/, 'scan', '--targets-file', '/dev/null');
  await fails(2, /reading \/nowhere did not work/, 'scan', '--targets-file', '/nowhere');
  const [costs] = await json('scan', '--targets-file', file, '--ports', 'full', '--dry-run');
  assert.deepEqual([costs.addresses >= 8, costs.ports], [true, 65_535]);
  assert.match((await run('scan', 'plant', '--known')).err, /Make a full scan first/);
  await ok('scope', 'remove', 'plant');
});

test('listings in a pipe are whole and without colours, or JSON', async () => {
  await ok(
    'credential',
    'add',
    'a-name-that-is-rather-long-for-a-login',
    '--user',
    'somebody-with-a-long-name',
    '--password-file',
    fileWith('pw', 'x'),
  );
  const listings = [
    ['scope', 'list'],
    ['hosts'],
    ['credential', 'list'],
    ['agents'],
    ['deploy', '--list'],
    ['kit', 'list'],
    ['findings'],
    ['dependencies'],
    ['exception', 'list'],
    ['change', 'list'],
    ['campaign'],
    ['authority', 'list'],
    ['trail', 'list'],
    ['user', 'list'],
    ['token', 'list'],
    ['key', 'list'],
  ];
  for (const listing of listings) {
    const [text, parsed] = await Promise.all([ok(...listing), json(...listing)]);
    assert.ok(text.trim().length > 0, `${listing.join(' ')} says something also when there is nothing`);
    assert.ok(!text.includes('…'), `${listing.join(' ')} is cut: ${text}`);
    assert.ok(!text.includes('\u001b'), listing.join(' '));
    assert.ok(Array.isArray(parsed), listing.join(' '));
  }
});

test('secrets are taken from files and never shown', async () => {
  const made = await run(
    'credential',
    'add',
    'deploy',
    '--user',
    'root',
    '--password-file',
    fileWith('deploy-pw', 'tr0ub4dor\n'),
    '--json',
  );
  assert.equal(made.code, 0, made.err);
  const trail = await ok('trail', 'list', '--type', 'enrollment', '--json');
  for (const text of [made.out, trail, await ok('credential', 'list', '--json')])
    assert.ok(!text.includes('tr0ub4dor'));
  await fails(2, /there is no terminal to ask/, 'credential', 'add', 'x', '--user', 'root');
  await ok('credential', 'remove', 'deploy');
});

function fileWith(name: string, content: string): string {
  const path = join(cli.home, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

test('an approver key: made here, its private half stays here', async () => {
  const made = await json('key', 'new', 'laptop');
  const path = join(cli.home, '.config/lastember/keys/laptop.pem');
  assert.equal(made.file, path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  // openssl reads it, and sees the public half that was registered.
  const der = spawnSync('openssl', ['pkey', '-in', path, '-pubout', '-outform', 'DER']);
  if (der.error) console.log('openssl is not here; the key was not read back with it');
  else assert.equal(der.stdout.subarray(-32).toString('base64'), made.publicKey);
  await fails(2, /exists already/, 'key', 'new', 'laptop');
  assert.ok((await ok('key', 'list')).includes(made.keyId));
  await ok('key', 'revoke', made.keyId);
  // A key that the server does not take leaves no file behind.
  await ok('user', 'add', 'olga', '--role', 'operator');
  const { secret } = await json('token', 'add', 'olgas', '--user', 'olga');
  const refused = await cli.run(['--data', dataDir, 'key', 'new', 'olgas'], { env: { LASTEMBER_TOKEN: secret } });
  assert.equal(refused.code, 4, refused.err);
  assert.ok(!existsSync(join(cli.home, '.config/lastember/keys/olgas.pem')));
});

test('the trail: exported, verified with nobody there, and a changed byte is found', async () => {
  const file = join(cli.home, 'trail.jsonl');
  await ok('trail', 'export', file);
  const offline = (...args: string[]): Promise<Ran> =>
    cli.run(['--server', 'http://127.0.0.1:9', 'trail', 'verify', ...args, '--json']);
  const good = await offline(file);
  assert.equal(good.code, 0, good.err);
  assert.ok(JSON.parse(good.out).size > 5);
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes('olga'));
  writeFileSync(file, text.replace('olga', 'olaf'));
  const bad = await offline(file);
  assert.equal(bad.code, 1);
  assert.ok(JSON.parse(bad.out).problems.length > 0);
  assert.equal((await run('trail', 'verify')).code, 0);
  const said = await cli.run(['--server', 'http://127.0.0.1:9', 'trail', 'verify', fileWith('whole.jsonl', text)]);
  assert.match(said.out, /note +the key was taken from the file itself/);
  assert.match(said.out, /note +.*entries cut off at the end cannot be noticed/);
  await fails(
    2,
    /there is no file none\.jsonl; write the trail to one with `lastember trail export/,
    'trail',
    'verify',
    'none.jsonl',
  );
  await fails(2, /there is no directory .*nowhere; make it/, 'trail', 'export', join(cli.home, 'nowhere', 'x'));
  const checkpoint = fileWith('checkpoint.txt', await ok('trail', 'checkpoint'));
  await ok('trail', 'export', file);
  assert.equal((await offline(file, '--checkpoint', checkpoint)).code, 0);
  const entry = await json('trail', 'show', '0');
  assert.equal(entry.index, 0);
  await fails(2, /named by its number/, 'trail', 'show', 'first');
});

test('unknown services are matched again on demand', async () => {
  const told = (await json('rematch')) as { looked: number; known: number };
  assert.ok(told.looked >= told.known);
  assert.match(await ok('rematch'), /known now/);
});

test('reports come as documents, to a file or to standard output', async () => {
  const [host] = await json('hosts');
  const markdown = await ok('report', 'host', host.name);
  assert.match(markdown, /^# /);
  const file = join(cli.home, 'host.html');
  await ok('report', 'host', host.id, '--format', 'html', '--out', file);
  assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/i);
  assert.ok(await json('report', 'host', host.id));
});

test('negative answers are exit 1, and only those', async () => {
  const none = await run('affected', 'CVE-2014-0160');
  assert.equal(none.code, 0, none.err);
  assert.match(none.out, /Nothing that we know of/);
  const broken = createServer((_, reply) =>
    reply
      .writeHead(500, { 'content-type': 'application/json' })
      .end('{"error":{"code":"INTERNAL","message":"It broke."}}'),
  );
  await once(broken.listen(0, '127.0.0.1'), 'listening');
  const ran = await run('--server', `http://127.0.0.1:${(broken.address() as AddressInfo).port}`, 'affected', 'x');
  assert.equal(ran.code, 3, 'a server that breaks has not said "yes, affected"');
  broken.close();
});

test('doctor says what is wrong and how to mend it', async () => {
  const well = await json('doctor');
  assert.ok(
    well.every((check: { what: string; ok: boolean }) => check.ok || ['agent bundle', 'console'].includes(check.what)),
  );
  for (const what of ['runtime', 'configuration', 'PostgreSQL', 'data directory', 'disk space', 'server', 'kits'])
    assert.ok(
      well.some((check: { what: string }) => check.what === what),
      what,
    );
  const sick = await cli.run(['--data', fileWith('a-file', ''), 'doctor'], {
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' },
  });
  assert.equal(sick.code, 1);
  assert.match(sick.out, /FIX {2}PostgreSQL: 127\.0\.0\.1:9 does not answer\n +→ start it, or correct DATABASE_URL/);
  const wrong = await cli.run(['doctor'], { env: { LASTEMBER_PORT: 'seventy' } });
  assert.match(wrong.out, /FIX {2}configuration: .*LASTEMBER_PORT/);
  assert.ok(!existsSync(join(cli.home, '.local')), 'looking changes nothing');
});

/** A server that answers for one change, and may lie. */
async function lyingServer(replies: Record<string, unknown>, taken: unknown[]): Promise<Server & { url: string }> {
  const server = createServer((request, reply) => {
    const found = replies[`${request.method} ${request.url}`];
    if (request.method === 'POST') taken.push(request.url);
    reply.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

test('only the plan that was shown and hashed here is signed', async (t) => {
  const { createHash } = await import('node:crypto');
  const { default: canonicalize } = await import('canonicalize');
  const at = '2026-01-01T00:00:00.000Z';
  const impact = {
    hosts: ['host_1'],
    packages: [],
    files: [],
    restarts: [],
    affectedHosts: [],
    summary: 'One restart.',
  };
  const step = { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' };
  const relies = [{ kind: 'package', name: 'nodejs', version: '0.10.1-1' }];
  const task = {
    id: 'task_1',
    hostId: 'host_1',
    hostName: 'shop',
    agentId: 'agent_1',
    findings: [],
    relies,
    steps: [step],
    rollback: 'undo',
    health: [],
  };
  const plan = {
    type: 'lastember/plan/v1',
    changeId: 'change_1',
    author: 'user_1',
    kit: { id: 'heartbleed', version: '1.0.0', digest: 'a'.repeat(64) },
    nonce: 'n',
    notBefore: at,
    notAfter: at,
    approvalsRequired: 1,
    abortAfterFailures: 0,
    waves: [{ name: 'canary', canary: true, tasks: [task] }],
    impact,
  };
  const textOf = (value: unknown): string => canonicalize(value)!;
  const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  const good = digestOf(textOf(plan));
  const change = {
    id: 'change_1',
    title: 'Remediate heartbleed',
    reason: 'CVE-2014-0160',
    kit: 'heartbleed',
    state: 'awaiting-approval',
    author: 'user_1',
    authorName: 'olga',
    findings: [],
    planDigest: good,
    approvals: [],
    approvers: [],
    approvalsRequired: 1,
    predicted: null,
    observed: null,
    waves: [],
    why: null,
    startAt: null,
    createdAt: at,
    updatedAt: at,
  };
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const key = fileWith('approver.pem', pem);
  const registered = { keyId: keyIdOf(pem), name: 'laptop', person: 'user_2', personName: 'anna', revoked: false };
  const approve = async (shown: unknown, asked: string): Promise<Ran & { taken: unknown[] }> => {
    const taken: unknown[] = [];
    const text = textOf(shown);
    const server = await lyingServer(
      {
        'GET /api/v1/keys': { items: [registered] },
        'GET /api/v1/me': { id: 'user_2', name: 'anna', role: 'approver' },
        'GET /api/v1/changes/change_1': { ...change, planDigest: asked },
        'GET /api/v1/changes/change_1/plan': { text, digest: asked },
        'POST /api/v1/changes/change_1/approve': { ...change, state: 'scheduled' },
      },
      taken,
    );
    t.after(() => void server.close());
    const ran = await cli.run(['--server', server.url, 'change', 'approve', 'change_1', '--key', key, '--yes']);
    return { ...ran, taken };
  };
  const signed = await approve(plan, good);
  assert.equal(signed.code, 0, signed.err);
  assert.equal(signed.taken.length, 1);
  assert.match(signed.out, new RegExp(`plan  ${good}`));
  assert.match(signed.out, /shop\n +1\. upgrade nodejs from 0\.10\.1-1 to 0\.10\.48-1/);
  assert.match(signed.out, /One restart\./);
  // Shows the harmless one, asks to sign another.
  const other = digestOf(textOf({ ...plan, nonce: 'other' }));
  const lied = [
    await approve(plan, other),
    // For another change; with something in it that nobody would see.
    await approve({ ...plan, changeId: 'change_2' }, digestOf(textOf({ ...plan, changeId: 'change_2' }))),
    await approve({ ...plan, backdoor: 'rm -rf /' }, digestOf(textOf({ ...plan, backdoor: 'rm -rf /' }))),
  ];
  for (const ran of lied) assert.deepEqual([ran.code, ran.taken], [4, []], ran.err);
  assert.match(lied[0]!.err, /nothing was signed/);
  const notAKey = await cli.run([
    '--data',
    dataDir,
    'change',
    'approve',
    'change_1',
    '--key',
    fileWith('no.pem', 'x'),
    '--yes',
  ]);
  assert.ok([2, 4].includes(notAKey.code!));
});

test('names that hosts gave themselves do not steer the terminal', () => {
  assert.equal(harmless('web\u001b]0;owned\u0007'), 'web·]0;owned·');
  assert.equal(harmless('\u001b[2J\u001b[31mred\u001b[0m'), '·[2J\u001b[31mred\u001b[0m');
  assert.equal(harmless('a\r\u009b1A\u202eb'), 'a··1A·b');
  assert.equal(harmless('line\n\ttab\u001b[1m'), 'line\n\ttab\u001b[1m');
});

test('a table keeps to its width: cuts what may be cut, then leaves columns out', () => {
  const plain = pc.createColors(false);
  const rows = [{ a: 'x'.repeat(50), b: 'y'.repeat(30), c: 'z'.repeat(20), id: '12345678' }];
  const columns = [
    { title: 'A', of: (row: (typeof rows)[0]) => row.a, shrink: true },
    { title: 'B', of: (row: (typeof rows)[0]) => row.b, drop: 1 },
    { title: 'C', of: (row: (typeof rows)[0]) => row.c, drop: 2 },
    { title: 'ID', of: (row: (typeof rows)[0]) => row.id },
  ];
  const at = (width: number): string[] => table(rows, columns, plain, width).split('\n');
  assert.match(at(200)[1]!, /^x{50} {2}y{30} {2}z{20} {2}12345678$/);
  assert.match(at(80)[1]!, /^x+… {2}y{30} {2}z{20} {2}12345678$/);
  assert.match(at(70)[1]!, /^x+… {2}y{30} {2}12345678$/);
  assert.match(at(40)[1]!, /^x+… {2}12345678$/);
  for (const width of [80, 70, 40, 30])
    for (const line of at(width)) assert.ok(line.length <= width, `${width}: ${line}`);
});

test('what goes into a pipe is not cut, however long its lines', async () => {
  const name = `a-name-that-is-much-longer-than-most-${'x'.repeat(30)}`.slice(0, 60);
  await ok('scope', 'add', name, ...Array.from({ length: 12 }, (_, n) => `192.0.2.${n * 4}/30`));
  const listed = await ok('scope', 'list');
  assert.ok(listed.includes(name) && !listed.includes('…'), listed);
  assert.ok(listed.split('\n').some((line) => line.length > 80));
  await ok('scope', 'remove', name);
});

test('the end of an id is enough, unless two have it', () => {
  const items = [
    { id: 'host_00aaaaaa11', name: 'web' },
    { id: 'host_00bbbbbb22', name: 'db' },
    { id: 'host_99bbbbbb22', name: 'db' },
  ];
  const of = (ref: string): string => pick(items, ref, 'host', 'hosts').id;
  assert.equal(of('aaaa11'), 'host_00aaaaaa11');
  assert.equal(of('web'), 'host_00aaaaaa11');
  assert.equal(of('host_99bbbbbb22'), 'host_99bbbbbb22');
  assert.throws(() => of('bbbb22'), /may mean host_00bbbbbb22 or host_99bbbbbb22/);
  assert.throws(() => of('db'), /may mean/);
  assert.throws(() => of('11'), /there is no host "11"/);
});

test('an older Node starts the pinned one', async (t) => {
  const older = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    const version = spawnSync(path, ['--version']).stdout?.toString() ?? '';
    return /^v(2[0-5])\./.test(version);
  });
  if (!older) return t.skip('there is no older Node on this machine');
  const version = await cli.run(['--version'], { node: older });
  assert.deepEqual([version.code, version.out.trim()], [0, '0.1.0']);
  assert.equal((await cli.run(['scna'], { node: older })).code, 2, 'exit codes come through');
  const runtime = JSON.parse((await cli.run(['doctor', '--json'], { node: older })).out)[0];
  assert.ok(runtime.ok, runtime.found);
  // A supervisor signals the launcher only.
  const other = join(cli.home, 'older');
  mkdirSync(other);
  const child = cli.start(['up', '--data', other, '--port', '0', '--agent-port', '0'], { node: older });
  await says(child, collect(child), /Ctrl-C/);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [0, null]);
});

test('feeds of advisories: kinds, one that is handed over, refused, listed', async () => {
  assert.match(await ok('feed', 'kinds'), /alpine-secdb .* release, repository +fixed issues only/);
  await fails(
    2,
    /--offline has no --url/,
    'feed',
    'add',
    'k',
    '--kind',
    'kev',
    '--offline',
    '--url',
    'https://x.example',
  );
  assert.match(await ok('feed', 'add', 'kev', '--kind', 'kev', '--offline'), /lastember feed import kev FILE/);
  const file = join(cli.home, 'kev.json');
  const one = { cveID: 'CVE-2014-0160', dateAdded: '2022-05-04', vulnerabilityName: 'OpenSSL' };
  const catalog = { dateReleased: '2025-08-25T17:04:19.9796Z', count: 1, vulnerabilities: [one] };
  writeFileSync(file, JSON.stringify(catalog));
  assert.match(await ok('feed', 'import', 'kev', file), /says +1 CVE/);
  writeFileSync(file, JSON.stringify({ ...catalog, count: 2 }));
  await fails(4, /What came as kev was refused/, 'feed', 'import', 'kev', file);
  const items = await json('feed', 'list');
  assert.deepEqual([items[0].name, items[0].counts.signals, items[0].lastError !== null], ['kev', 1, true]);

  // What is in error is said by whatever looks over everything, with what to do.
  const why = /what came \d+ (s|min) ago is in force/;
  const doctor = await run('doctor');
  assert.equal(doctor.code, 1);
  assert.match(doctor.out, /FIX {2}feed kev: [^\n]+; what came [^\n]+\n +→ lastember feed import kev FILE/);
  const status = await json('status');
  assert.deepEqual([status.feeds, status.troubledFeeds[0].name], [1, 'kev']);
  assert.match(status.troubledFeeds[0].why, why);
  assert.match(
    await ok('status'),
    / feeds +1 feed, 1 in error or old\n +kev +[^\n]+next: lastember feed import kev FILE/,
  );
  writeFileSync(file, JSON.stringify(catalog));
  await ok('feed', 'import', 'kev', file);
  assert.match((await run('doctor')).out, /ok {3}feeds: 1 feed, all up to date/);
  await ok('feed', 'add', 'epss', '--kind', 'epss', '--offline');
  assert.match((await run('doctor')).out, /FIX {2}feed epss: nothing was handed over yet\n/);
  for (const name of ['kev', 'epss']) await ok('feed', 'remove', name);
  assert.match(
    (await run('doctor')).out,
    /ok {3}feeds: none, so nothing is known of vulnerabilities: lastember feed add/,
  );
});
