import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Box, boxSkip, makeBox } from '../../src/loop/enrollment/testing/box.ts';
import { occupy, operator, type Served, serve } from '../../src/loop/enrollment/testing/served.ts';
import { createToken } from '../../src/loop/enrollment/tokens.ts';
import { agentFiles } from '../../src/loop/enrollment/logic/agent-files.ts';
import { packagedUnit } from './tree.ts';

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const out = mkdtempSync(join(tmpdir(), 'lastember-packages-'));
let served: Served;
let own: Server;
before(async () => {
  if (boxSkip) return;
  execFileSync(process.execPath, [join(import.meta.dirname, '../build-packages.ts'), '--fast', '--out', out]);
  served = await serve({}, { pollSeconds: 1 });
  own = await occupy('127.84.23.1');
});
after(async () => {
  rmSync(out, { recursive: true, force: true });
  own?.close();
  await served?.close();
});

interface Format {
  name: 'deb' | 'rpm';
  tools: string[];
  prepare: string;
  install: string;
  remove: string;
  oracle: [string, RegExp][];
}
const FORMATS: Format[] = [
  {
    name: 'deb',
    tools: ['dpkg-deb', 'dpkg'],
    prepare: 'mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/log && touch /var/lib/dpkg/status',
    install: 'dpkg -i --force-depends /run/agent.deb',
    remove: 'dpkg --purge lastember-agent',
    oracle: [
      ['dpkg-deb --info /run/agent.deb', /Package: lastember-agent\n Version: 0\.1\.0\n Architecture: (?:amd64|arm64)/],
      [
        'dpkg-deb --contents /run/agent.deb',
        /drwxr-xr-x root\/root .* \.\/etc\/\ndrwx------ root\/root .* \.\/etc\/lastember\/\n/,
      ],
    ],
  },
  {
    name: 'rpm',
    tools: ['rpmbuild', 'rpm'],
    prepare: 'mkdir -p /var/lib/rpm /var/tmp && rpm --dbpath /var/lib/rpm --initdb',
    install: 'rpm --dbpath /var/lib/rpm -i --nodeps --force-debian /run/agent.rpm',
    remove: 'rpm --dbpath /var/lib/rpm -e lastember-agent',
    oracle: [
      ['rpm -qip /run/agent.rpm', /Name +: lastember-agent\nVersion +: 0\.1\.0/],
      ['rpm -qlvp /run/agent.rpm', /drwx------ .* \/etc\/lastember\n/],
    ],
  },
];

/** What package managers keep for themselves. */
const BOOKS = /^(?:(?:root\/)?\.rpmdb|root |var\/lib\/(?:dpkg|rpm)|var\/log|var\/cache|var |var\/lib )/;
const ours = (box: Box): string[] => box.listing().filter((row) => !BOOKS.test(row));

async function ok(box: Box, line: string): Promise<string> {
  const ran = await box.run(line);
  assert.equal(ran.code, 0, `${line}\n${ran.out}${ran.err}`);
  return ran.out;
}

const skip = boxSkip || (process.getuid?.() === 0 ? false : 'package managers install as root only');

describe('2.6: packages for golden images', { skip }, () => {
  for (const format of FORMATS)
    test(
      `2.6: the .${format.name} brings an agent without an identity; it enrolls once there are settings; removed, it leaves nothing`,
      { skip: format.tools.every(has) ? false : `${format.tools[0]} is not installed` },
      async () => {
        const box = makeBox({ usr: true, machineId: `box-${format.name}` });
        try {
          // Somebody else is in /opt, too; and package managers look for systemctl where it belongs.
          await ok(
            box,
            `${format.prepare} && mkdir /opt/other && cp --remove-destination /usr/local/bin/systemctl /usr/bin/systemctl`,
          );
          const file = readdirSync(out).find((name) => name.endsWith(format.name))!;
          copyFileSync(join(out, file), join(box.root, 'run', `agent.${format.name}`));
          for (const [line, says] of format.oracle) assert.match(await ok(box, line), says);
          const clean = ours(box);
          await ok(box, format.install);
          const installed = ours(box).filter((row) => !clean.includes(row));
          assert.ok(
            installed.some((row) => row.startsWith('opt/lastember/lastember-agent 100755 ')),
            installed.join('\n'),
          );
          assert.ok(
            installed.some((row) => row.includes('wants/lastember-agent.service 120777')),
            'enabled for the first boot',
          );
          assert.ok(
            !installed.some((row) => /\.key|identity|agent\.json|var\/lib\/lastember/.test(row)),
            'no identity, no key',
          );
          assert.equal(box.agent(), null, 'not started');
          const { config } = await createToken(served.platform, operator, { minutes: 5, uses: 1, tags: {} });
          box.put('etc/lastember/agent.json', config);
          await ok(box, 'systemctl start lastember-agent.service');
          const id = await identity(box);
          assert.equal((await served.enrollment.agent(id))?.state, 'active');
          const refused = await box.run('lastember-agent uninstall');
          assert.equal(refused.code, 1);
          assert.match(refused.err, new RegExp(`came with a ${format.name} package`));
          await ok(box, 'mkdir -p /run/systemd/system');
          await ok(box, format.remove);
          assert.equal(box.agent(), null, 'stopped');
          assert.deepEqual(ours(box), clean);
          const gone = await served.enrollment.agent(id);
          assert.match(gone!.problem!, /uninstalled on the host, by no order of ours.*its package was removed/);
        } finally {
          box.remove();
        }
      },
    );

  test('2.6: the unit of a package waits for settings, and is not started again and again where it was refused', () => {
    const text = packagedUnit(agentFiles().unit.text);
    assert.match(
      text,
      /^\[Unit\][^[]*ConditionPathExists=\/etc\/lastember\/agent\.json\n\n\[Service\]\nEnvironmentFile=-/,
    );
    assert.match(text, /Restart=on-failure\nRestartPreventExitStatus=2 4\n/);
  });
});

async function identity(box: Box): Promise<string> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (box.has('var/lib/lastember/identity.json'))
      return (JSON.parse(box.file('var/lib/lastember/identity.json')) as { agentId: string }).agentId;
    await sleep(100);
  }
  return assert.fail(`it did not enroll: ${box.file('run/unit.log')}`);
}
