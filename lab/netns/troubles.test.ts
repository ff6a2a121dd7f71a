/** Bad days on real Debian: hosts die, disks fill up, packages ask, services stay away, sshd would lock us out. */
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import type { Rows } from './rows/context.ts';
import { NETWORK } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { serveLab } from './testing/served.ts';
import { access } from './troubles/access.ts';
import { copying } from './troubles/copying.ts';
import { packages } from './troubles/packages.ts';
import { keyPath } from './up.ts';

const AGENTS = ['web1', 'small1', 'init1', 'rc1'];
const UP = [...AGENTS, 'crowd1', 'crowd2', 'crowd3'];
const lab = new TestLab('b');
const rows = { lab, clean: {} } as Rows;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', UP.join(','));
  rows.server = await serveLab(lab);
  const { operator } = rows.server;
  const privateKey = readFileSync(keyPath(lab.place), 'utf8');
  await operator.addCredential({ body: { kind: 'private-key', name: 'root', username: 'root', privateKey } });
  await operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  await rows.server.scan('lab');
  const hostIds = await Promise.all(AGENTS.map(async (name) => (await rows.server.host(name)).id));
  const { hosts } = await rows.server.deploy({ hostIds });
  assert.deepEqual(
    hosts.map(({ state, why }) => [state, why]),
    AGENTS.map(() => ['done', null]),
  );
});
after(async () => {
  if (skip) return;
  await rows.server?.close();
  await lab.lab('down');
});

describe('bad days on the Debian lab', { skip }, () => {
  copying(rows);
  packages(rows);
  access(rows);
});
