import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { after, afterEach, before, describe, test } from 'node:test';
import type { EnrollmentTokenInput, NewEnrollmentToken } from '../../../model/enrollment.ts';
import { createAuthority } from '../logic/certificates.ts';
import { AGENT_PATHS } from '../../../model/agent-paths.ts';
import { type Box, boxSkip as skip, makeBox, type Ran } from '../testing/box.ts';
import { occupy, operator, type Served, serve } from '../testing/served.ts';
import { createToken, revokeToken } from '../tokens.ts';

let served: Served;
let own: Server;
let box: Box;

before(async () => {
  if (skip) return;
  served = await serve();
  own = await occupy('127.84.20.1');
});
after(async () => {
  own?.close();
  await served?.close();
});
afterEach(() => box?.remove());

const make = (input: Partial<EnrollmentTokenInput> = {}): Promise<NewEnrollmentToken> =>
  createToken(served.platform, operator, { minutes: 5, uses: 1, tags: {}, ...input });
const agentsOf = async (): Promise<string[]> =>
  (await served.enrollment.agents()).filter(({ state }) => state === 'active').map(({ id }) => id);
async function isReported(id: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await served.enrollment.agent(id))?.lastCheckIn) return true;
    await sleep(100);
  }
  return false;
}
/** The line as it stands, in a box in which that is not installed. */
const paste = (line: string, hide: string[] = []): Promise<Ran> => box.run(line, { hide });
function says(ran: Ran, code: number, words: RegExp): void {
  assert.equal(ran.code, code, `${ran.out}${ran.err}`);
  assert.match(ran.err, words);
}
/** Nothing of ours is there but what was there before. */
const nothingHalfDone = (before: string[]): void => assert.deepEqual(box.listing(), before);

describe('2.1: one line installs an agent and enrolls it', { skip }, () => {
  test('2.1: with curl, on a host without Node: the agent comes as one file and runs, the host has its tags', async () => {
    box = makeBox();
    const clean = box.listing();
    const { line } = await make({ tags: { env: 'prod' }, for: '127.0.0.0/8' });
    const ran = await paste(line, ['wget']);
    says(ran, 0, /enrolled as agent_\w+ with https:.*the agent runs/);
    const [, id] = /enrolled as (\S+)/.exec(ran.err)!;
    assert.ok(await isReported(id!), box.file('run/unit.log'));
    const agent = await served.enrollment.agent(id!);
    assert.deepEqual((await served.discovery.host(agent!.hostId))?.tags, { env: 'prod' });
    assert.doesNotMatch(box.file(AGENT_PATHS.config), /lee_/, 'the token is gone');
    const modes = box.listing().filter((row) => /agent\.json|agent\.key|identity\.json/.test(row));
    assert.ok(modes.length === 3 && modes.every((row) => row.includes(' 100600 ')), modes.join());
    assert.doesNotMatch(box.listing().join('\n'), /\.install|\.before/);
    const [unit] = box.file(AGENT_PATHS.unit).match(/^ExecStart=.*$/m)!;
    assert.match(unit, /^ExecStart=\/opt\/lastember\/lastember-agent run /);
    const brought = box.listing().filter((row) => row.startsWith('opt/lastember/'));
    assert.match(brought.join(), /^opt\/lastember\/lastember-agent 100755 \d+$/);
    const left = await box.run(`${AGENT_PATHS.program} uninstall`);
    assert.deepEqual([left.code, left.out], [0, 'uninstalled\n'], left.err);
    assert.deepEqual(box.listing(), clean);
    assert.equal(box.agent(), null);
  });

  test('2.1: a host that got a Node, or lost it: the agent goes on in its other form, and of the first nothing is left', async () => {
    box = makeBox({ node: true, machineId: 'box-forms' });
    const clean = box.listing();
    const node = join(box.root, '../tools/node');
    const { line } = await make();
    const forms = (): boolean[] => [AGENT_PATHS.bundle, AGENT_PATHS.program, AGENT_PATHS.runtime].map(box.has);
    says(await paste(line), 0, /enrolled as/);
    const { agentId } = JSON.parse(box.file(`${AGENT_PATHS.state}/identity.json`)) as { agentId: string };
    assert.deepEqual(forms(), [true, false, false]);
    // What installers before this one brought.
    box.put(AGENT_PATHS.runtime, 'a runtime', 0o755);
    renameSync(node, `${node}.away`);
    box.put('run/systemctl.broken', '');
    says(await paste(line), 1, /daemon-reload failed/);
    assert.deepEqual(forms(), [true, false, true], 'taken back');
    await box.run('rm /run/systemctl.broken');
    says(await paste(line), 0, /updated; the agent is enrolled/);
    assert.deepEqual(forms(), [false, true, false]);
    renameSync(`${node}.away`, node);
    says(await paste(line), 0, /updated; the agent is enrolled/);
    assert.deepEqual(forms(), [true, false, false]);
    assert.ok(box.agent() !== null && (await isReported(agentId)));
    assert.equal((await box.run(`node ${AGENT_PATHS.bundle} uninstall`)).code, 0);
    assert.deepEqual(box.listing(), clean);
  });

  test('2.1: with wget, on a host that has Node; the same line again changes nothing; --force enrolls anew', async () => {
    box = makeBox({ node: true, machineId: 'box-wget' });
    const { line } = await make();
    says(await paste(line, ['curl']), 0, /enrolled as/);
    assert.ok(!box.has(AGENT_PATHS.runtime), 'its own Node does');
    const [before, pid] = [box.listing().filter((row) => !row.startsWith('var')), box.agent()];
    says(await paste(line), 0, /nothing to do: the agent is installed, enrolled with .* and runs/);
    assert.deepEqual(
      [box.listing().filter((row) => !row.startsWith('var')), box.agent()],
      [before, pid],
      'the agent went on running',
    );
    const first = JSON.parse(box.file(`${AGENT_PATHS.state}/identity.json`)) as { agentId: string };
    const anew = await make();
    says(await paste(anew.line.replace('sh "$f"', 'sh "$f" --force')), 0, /enrolled as/);
    const second = JSON.parse(box.file(`${AGENT_PATHS.state}/identity.json`)) as { agentId: string };
    assert.notEqual(second.agentId, first.agentId);
    assert.equal((await served.enrollment.agent(first.agentId))?.state, 'revoked');
  });

  test('2.1: what is wrong with a token is said, and nothing is half-done', async () => {
    box = makeBox({ node: true, machineId: 'box-wrong' });
    const clean = box.listing();
    const known = await agentsOf();
    const expired = await make({ minutes: -1 });
    says(
      await paste(expired.line),
      4,
      /could not enroll: .*token was refused: it was good until .*enroll-token create/,
    );
    nothingHalfDone(clean);
    says(
      await paste((await make({ for: '192.0.2.0/24' })).line),
      4,
      /for hosts that call from 192\.0\.2\.0\/24, and this one calls from 127\.0\.0\.1/,
    );
    nothingHalfDone(clean);
    const revoked = await make();
    await revokeToken(served.platform, operator, revoked.id);
    says(await paste(revoked.line), 4, /it was revoked at/);
    nothingHalfDone(clean);
    says(await paste((await make()).line.replace(/lee_[\w-]+/, 'lee_unknown')), 4, /it is unknown/);
    nothingHalfDone(clean);
    assert.deepEqual(await agentsOf(), known);
    const used = await make();
    says(await paste(used.line), 0, /enrolled/);
    box.remove();
    box = makeBox({ node: true, machineId: 'box-other' });
    says(await paste(used.line), 4, /it was used already/);
    nothingHalfDone(clean);
  });

  test('2.1: a server that is not the promised one, or away: nothing runs, nothing is written', async () => {
    box = makeBox({ node: true, machineId: 'box-pin' });
    const clean = box.listing();
    const { line, token } = await make();
    const other = createHash('sha256').update('another script').digest('hex');
    for (const hide of [['wget'], ['curl']]) {
      says(await paste(line.replace(/[0-9a-f]{64}/, other), hide), 4, /not what this line promised; nothing was run/);
      nothingHalfDone(clean);
    }
    const otherCa = await createAuthority(new Date(), '01');
    // The script is right, but what listens at the server's address by now has another authority.
    const script = (await fetchScript()).replace(
      /-----BEGIN[^"']*?-----END CERTIFICATE-----/s,
      otherCa.certificate.trimEnd(),
    );
    box.put('install.sh', script);
    says(await box.run(`sh install.sh --token ${token}`), 3, /could not be fetched/);
    await served.down();
    try {
      for (const hide of [['wget'], ['curl']]) {
        says(await paste(line, hide), 3, /could not be fetched; is the server up, and may this host reach it\?/);
      }
    } finally {
      await served.up();
    }
    box.put('install.sh', '');
    nothingHalfDone([...clean, 'install.sh 100600 0'].sort());
  });

  test('2.1: a file that is not the promised one, a service that does not start: all is taken back', async () => {
    box = makeBox({ node: true, machineId: 'box-broken' });
    const clean = box.listing();
    const made = await make();
    const script = await fetchScript();
    box.put(
      'tmp/install.sh',
      script
        .replaceAll(/^( +if ! same "\$root\$bundle" ')[0-9a-f]{64}/gm, `$1${'0'.repeat(64)}`)
        .replaceAll(/(check "\$stage\/agent" ')[0-9a-f]{64}/g, `$1${'0'.repeat(64)}`),
    );
    says(
      await box.run(`sh /tmp/install.sh --token ${made.token}`),
      4,
      /agent is not what the installer was told to expect/,
    );
    box.put('tmp/install.sh', script);
    box.put('run/systemctl.broken', '');
    says(await box.run(`sh /tmp/install.sh --token ${made.token}`), 1, /daemon-reload failed.*\n.*taken back/);
    await box.run('rm -f /tmp/install.sh /run/systemctl.broken');
    nothingHalfDone(clean);
    assert.equal(box.agent(), null);
  });

  test('2.1: no room, nowhere to write, a tool that is missing: said before anything is written', async () => {
    box = makeBox({ machineId: 'box-small' });
    const clean = box.listing();
    const { line } = await make();
    box.put('run/line', line);
    says(
      await box.run('mount -t tmpfs -o size=8m none /opt && sh /run/line'),
      1,
      /\/opt has 8 MB free, and the agent needs 250 MB/,
    );
    says(await box.run('mount -t tmpfs -o ro none /opt && sh /run/line'), 1, /\/opt.*(?:read-only|MB free)/);
    says(await box.run('sh /run/line', { hide: ['gzip'] }), 1, /gzip is not installed; install it/);
    box.put('run/systemctl.state', 'offline');
    says(await box.run('sh /run/line'), 1, /systemd does not run here.*lastember deploy/);
    await box.run('rm /run/systemctl.state');
    nothingHalfDone(clean);
    assert.deepEqual(await agentsOf().then((ids) => ids.filter((id) => box.file('run/line').includes(id))), []);
  });

  test('2.1: --help and wrong options; the script is plain POSIX sh', async () => {
    box = makeBox({ node: true });
    box.put('install.sh', await fetchScript());
    const help = await box.run('sh install.sh --help');
    assert.equal(help.code, 0);
    assert.match(help.out, /--force.*--image.*--root.*Exit codes/s);
    says(await box.run('sh install.sh --frobnicate'), 2, /there is no option --frobnicate/);
    says(await box.run('sh install.sh --token "a b"'), 2, /characters that no token has/);
    says(await box.run('sh install.sh'), 2, /enrolling needs a token/);
    const clean = box.listing();
    for (const shell of ['dash', 'bash --posix'])
      assert.deepEqual(await box.run(`${shell} -n install.sh`), { code: 0, out: '', err: '' });
    await box.run('for n in 500 3000 6000 9000; do head -c $n install.sh >/run/half; sh /run/half --token x; done');
    assert.deepEqual(box.listing(), clean, 'a script that was cut off does nothing');
  });

  test('2.1: the cloud-init user data is YAML that does the same, also after the script became another one', async () => {
    box = makeBox({ machineId: 'box-cloud' });
    const { cloudInit } = await make({ uses: 3, minutes: 500_000 });
    assert.ok(cloudInit.startsWith('#cloud-config\n'));
    const data = parse(cloudInit) as {
      write_files: { path: string; permissions: string; content: string }[];
      runcmd: string[][];
    };
    assert.deepEqual(Object.keys(data), ['write_files', 'runcmd']);
    for (const hide of [['wget'], ['curl']]) {
      // What cloud-init does with these two modules.
      for (const { path, permissions, content } of data.write_files)
        box.put(path, content, Number.parseInt(permissions, 8));
      const [command] = data.runcmd;
      box.put('run/argv2', command![2]!);
      const ran = await box.run(`exec ${command![0]} ${command![1]} "$(cat /run/argv2)"`, { hide });
      says(ran, 0, /enrolled as|nothing to do/);
      assert.ok(!box.has('run/lastember-install'), 'token and authority do not stay');
    }
    const other = { ...data.write_files[0]!, content: (await createAuthority(new Date(), '02')).certificate };
    for (const { path, content } of [...data.write_files.slice(1), other]) box.put(path, content);
    const ran = await box.run('exec sh -c "$(cat /run/argv2)"', { hide: ['wget'] });
    assert.notEqual(ran.code, 0, 'another authority');
    assert.match(ran.err, /certificate/);
  });

  test('2.1: what anybody may fetch is the program and nothing else, and not without end', async () => {
    box = makeBox();
    const at = `https://${served.address}/agent/v1/install`;
    const status = async (path: string): Promise<string> =>
      (await box.run(`curl -sk -o /dev/null -w '%{http_code}' '${path}'`)).out;
    for (const name of ['../../../package.json', '..%2f..%2fpackage.json', 'agent.json', ''])
      assert.equal(await status(`${at}/${name}`), '404', name);
    const { token } = await make();
    assert.doesNotMatch(await fetchScript(), new RegExp(`${token}|PRIVATE`));
    const many = await box.run(
      `for i in $(seq 130); do curl -sk -o /dev/null -w '%{http_code}\\n' ${at}.sh; done | sort | uniq -c`,
    );
    assert.match(many.out, /429/);
  });
});

async function fetchScript(): Promise<string> {
  const ran = await box.run(`curl -sk https://${served.address}/agent/v1/install.sh`);
  assert.equal(ran.code, 0, ran.err);
  return ran.out;
}
