/** Machines that share an identity: each check of the kit is seen to fail on two hosts, and to pass once each has its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '../demo/run/wait.ts';
import { CloneRecording } from './checks/recording/clones.ts';
import { reports, sh } from './rows/context.ts';
import { copy, TREE } from './rows/copies.ts';
import { NETWORK } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { serveLab, type LabServer } from './testing/served.ts';
import { keyPath } from './up.ts';

const KIT = 'cloned-identities';
const [ONE, OTHER] = ['web1', 'db1'];
const BOTH = [ONE, OTHER].sort();
const lab = new TestLab('c');
let server: LabServer;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', BOTH.join(','));
  server = await serveLab(lab);
  await server.operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  const privateKey = readFileSync(keyPath(lab.place), 'utf8');
  await server.operator.addCredential({ body: { kind: 'private-key', privateKey, name: 'root', username: 'root' } });
  // As machines of one image have it: before there is an agent on either.
  await copy({ lab }, ONE, OTHER, ['etc/machine-id']);
  await server.scan('lab');
  await enrolled(...BOTH);
});
after(async () => {
  if (skip) return;
  await server?.close();
  await lab.lab('down');
});

/** Anew, where one was there before. Keys of SSH that were made anew are told the server by whoever made them. */
async function enrolled(...names: string[]): Promise<void> {
  const hostIds = await Promise.all(names.map(async (name) => (await server.host(name)).id));
  const { hosts } = await server.deploy({ hostIds, credentials: ['root'], force: true, acceptHostKey: true });
  assert.deepEqual(
    hosts.map(({ state, why }) => [state, why]),
    names.map(() => ['done', null]),
  );
  for (const name of names) await reports({ server }, name);
}

/** Hosts on which the check fails, or has failed and passes now. */
async function hostsOf(check: string, ...states: ('open' | 'rekindled' | 'fixed')[]): Promise<string[]> {
  const { items } = await server.operator.listFindings({ query: { kit: KIT, state: states } });
  const ids = new Set(items.flatMap((one) => (one.check === check ? [one.hostId] : [])));
  const named = await Promise.all(BOTH.map(async (name) => ((await server.hostIfAny(name))?.id ?? '') as string));
  return BOTH.filter((_, at) => ids.has(named[at]!));
}

const burns = (check: string, ...names: string[]): Promise<boolean> =>
  until(`${check} to fail on ${names.join(' and ')}`, 240, async () => {
    await asked();
    return (await hostsOf(check, 'open', 'rekindled')).join() === names.join();
  });
const isFixed = (check: string): Promise<boolean> =>
  until(`${check} to pass`, 240, async () => {
    await asked();
    const [open, fixed] = [await hostsOf(check, 'open', 'rekindled'), await hostsOf(check, 'fixed')];
    return open.length === 0 && fixed.length > 0;
  });

/** A person who does not wait for the next report. */
const asked = (): Promise<unknown> => server.cli(server.operator, 'audit', ...BOTH);

/** What the check tells people to do. */
const OWN_ID = `rm -f /etc/machine-id /var/lib/dbus/machine-id; cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id`;

test('3.12: SSH host keys of two machines burn on both, and on none once one has made its own', { skip }, async () => {
  await copy({ lab }, ONE, OTHER, ['etc/ssh']);
  await sh({ lab }, OTHER, 'service ssh restart');
  await burns('ssh-host-key', ...BOTH);
  const recording = new CloneRecording(server, ONE, 'ssh-host-key');
  await recording.bad();
  await sh({ lab }, OTHER, 'rm /etc/ssh/ssh_host_*_key*; ssh-keygen -A >/dev/null; sshd -t && service ssh restart');
  await isFixed('ssh-host-key');
  await recording.good();
});

test('3.12: a machine-id of two machines burns on both, and on none once one has its own', { skip }, async () => {
  await burns('machine-id', ...BOTH);
  const recording = new CloneRecording(server, ONE, 'machine-id');
  await recording.bad();
  await sh({ lab }, OTHER, OWN_ID);
  await lab.lab('fault', 'reboot', OTHER);
  await until('the agent to give its identity up', 180, async () => {
    // What runs there when it goes down ends with it.
    const left = await sh({ lab }, OTHER, 'ls /var/lib/lastember/identity.json 2>/dev/null; true').catch(() => null);
    return left === '';
  });
  await server.scan('lab');
  await enrolled(OTHER);
  await isFixed('machine-id');
  await recording.good();
});

test('3.12: an agent that is two machines burns, and no more once both are enrolled anew', { skip }, async () => {
  await sh({ lab }, OTHER, 'systemctl stop lastember-agent; cp /etc/machine-id /root/machine-id');
  await copy({ lab }, ONE, OTHER, [...TREE, 'etc/machine-id']);
  await sh({ lab }, OTHER, 'systemctl start lastember-agent');
  const failing = await until(
    'the check to fail',
    480,
    async () => (await hostsOf('agent-identity', 'open'))[0] ?? null,
  );
  const recording = new CloneRecording(server, failing, 'agent-identity');
  await recording.bad();
  await sh({ lab }, OTHER, 'systemctl stop lastember-agent; mv /root/machine-id /etc/machine-id');
  await server.scan('lab');
  await enrolled(...BOTH);
  await isFixed('agent-identity');
  await recording.good();
});
