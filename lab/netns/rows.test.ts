/** Rows of the list of features that have to hold on real Debian, one lab and one server for all. */
import { readFileSync } from 'node:fs';
import { after, before, describe } from 'node:test';
import { changes } from './rows/changes.ts';
import { clock } from './rows/clock.ts';
import { copies, copiesFound } from './rows/copies.ts';
import { doors } from './rows/doors.ts';
import { governance } from './rows/governance.ts';
import { listing, sh, type Rows } from './rows/context.ts';
import { troubles } from './rows/troubles.ts';
import { NETWORK } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { addressOfHost, serveLab } from './testing/served.ts';
import { keyPath } from './up.ts';

const UP = ['web1', 'web2', 'old1', 'sudo1', 'bastion1', 'hidden1', 'full1', 'brokenapt1'];
const lab = new TestLab('r');
const rows = { lab, clean: {} } as Rows;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', UP.join(','));
  [rows.server] = await Promise.all([serveLab(lab), install('web1', 'curl'), install('old1', 'wget')]);
  rows.clean['bastion1'] = await listing(rows, 'bastion1');
  await rows.server.operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  await rows.server.scan('lab');
  await logins();
});
after(async () => {
  if (skip) return;
  await rows.server?.close();
  await lab.lab('down');
});

/** What the line is fetched with. */
const install = (host: string, tool: string): Promise<string> =>
  sh(rows, host, `apt-get -qq update && apt-get -qq -y --no-install-recommends install ${tool} >/dev/null 2>&1`);

async function logins(): Promise<void> {
  const { operator } = rows.server;
  const privateKey = readFileSync(keyPath(lab.place), 'utf8');
  const key = { kind: 'private-key' as const, privateKey };
  await operator.addCredential({ body: { ...key, name: 'root', username: 'root' } });
  const ops = { ...key, username: 'ops', become: 'sudo' as const, for: [addressOfHost('sudo1')] };
  await operator.addCredential({ body: { ...ops, name: 'ops-wrong', becomePassword: 'not-it' } });
  const via = { host: (await rows.server.host('bastion1')).id, credential: 'root' };
  await operator.addCredential({
    body: { ...key, name: 'inside', username: 'root', via, for: [addressOfHost('hidden1')] },
  });
}

describe('rows on the Debian lab', { skip }, () => {
  doors(rows);
  copies(rows);
  governance(rows);
  changes(rows);
  troubles(rows);
  clock(rows);
  copiesFound(rows);
});
