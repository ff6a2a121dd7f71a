import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Affected, FindingNow } from '../../model/finding.ts';
import type { ProbeResult } from '../../model/probe.ts';
import { DEBIAN, debianPackage, OPENSSH, show, takeFeed } from './testing/vulnerabilities.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

const CHACHA = 'chacha20-poly1305@openssh.com';
const GCM = 'aes256-gcm@openssh.com';
const AFFECTED = '1:9.2p1-2+deb12u1';

const ssh = (cipher: string[], kex = ['curve25519-sha256']): ProbeResult => ({
  protocol: 'ssh',
  banner: 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u1',
  hostKeys: [],
  algorithms: { kex, hostKey: ['ssh-ed25519'], cipher, mac: ['hmac-sha2-256'] },
});

test('3.6: of one version the settings decide whether a CVE burns (Terrapin), and the finding keeps what was seen of them', async () => {
  const w = await world();
  open.push(w);
  const hostId = await w.find('10.1.0.10', 'SHA256:web');
  const where = { address: '10.1.0.10', port: 22 };
  let pid = 700;
  const restartedWith = async (cipher: string[], kex?: string[]): Promise<FindingNow[]> => {
    w.later(10);
    pid += 1;
    const at = { version: '0.10.48-1', pid, startedAt: w.clock.now };
    const facts = shop(at, { address: where.address, port: 22, name: 'ssh' });
    const sshd = {
      ...facts.processes![0]!,
      exe: '/usr/sbin/sshd',
      command: '/usr/sbin/sshd -D',
      packages: ['openssh-server'],
    };
    w.later();
    await w.look(hostId, where.address, where.port, ssh(cipher, kex));
    w.later();
    await w.send(hostId, {
      ...facts,
      os: { ...facts.os!, id: 'debian', versionId: '12' },
      packages: [debianPackage('openssh-server', AFFECTED, { source: 'openssh' })],
      processes: [sshd],
      sockets: [
        { address: where.address, port: 22, pid, process: 'sshd', unit: 'ssh.service', package: 'openssh-server' },
      ],
    });
    await w.audit.auditHost(hostId);
    await w.settle();
    return (await w.call<{ items: FindingNow[] }>('listFindings', { query: { kit: 'terrapin' } })).items;
  };
  const burning = (all: FindingNow[]): string[] =>
    all.flatMap(({ check, state }) => (state === 'fixed' ? [] : [check])).toSorted();

  assert.deepEqual(
    burning(await restartedWith([GCM])),
    [],
    'the version is in range, and what it offers is not affected',
  );
  const bad = await restartedWith([GCM, CHACHA]);
  assert.deepEqual(burning(bad), ['terrapin-package', 'terrapin-probe']);
  const probe = bad.find(({ check }) => check === 'terrapin-probe')!;
  assert.deepEqual(probe.evidence['ciphers'], [GCM, CHACHA]);
  assert.match(String(probe.evidence['banner']), /OpenSSH_9\.2p1/);

  // Set right without an update: closed by what is seen, and what was seen of it before stays with the finding.
  const good = await restartedWith([GCM]);
  assert.deepEqual(burning(good), []);
  assert.deepEqual(good.map(({ check, state }) => `${check} ${state}`).toSorted(), [
    'terrapin-package fixed',
    'terrapin-probe fixed',
  ]);
  assert.deepEqual(burning(await restartedWith([CHACHA], ['kex-strict-s-v00@openssh.com'])), []);
});

test('3.6: LoginGraceTime 0 in force sets regreSSHion aside, shown with that reason; in force no longer, it burns', async () => {
  const w = await world();
  open.push(w);
  const hostId = await w.find('10.1.0.20', 'SHA256:grace');
  let pid = 900;
  const reported = async (logingracetime: string, rest: object = {}, version = AFFECTED): Promise<FindingNow[]> => {
    w.later(10);
    pid += 1;
    const at = { version: '0.10.48-1', pid, startedAt: w.clock.now };
    const facts = shop(at, { address: '10.1.0.20', port: 22, name: 'ssh' });
    await w.send(hostId, {
      ...facts,
      os: { ...facts.os!, id: 'debian', versionId: '12' },
      packages: [debianPackage('openssh-server', version, { source: 'openssh' })],
      processes: [
        { ...facts.processes![0]!, exe: '/usr/sbin/sshd', command: '/usr/sbin/sshd -D', packages: ['openssh-server'] },
      ],
      sockets: [],
      settings: { sshd: { logingracetime }, sshdBy: 'sshd', sshdPending: false, sysctl: {}, users: [], ...rest },
    });
    await w.audit.auditHost(hostId);
    await w.settle();
    return (await w.call<{ items: FindingNow[] }>('listFindings', { query: { kit: 'regresshion' } })).items;
  };
  const told = (all: FindingNow[]): string[] =>
    all.map(({ state, closeReason }) => `${state} ${closeReason ?? ''}`.trim());
  const ASIDE = /^not-applicable not affected by configuration: LoginGraceTime 0 is in force/;

  // It never burnt, and is shown all the same, with what was seen.
  const [first, ...others] = await reported('0');
  assert.equal(others.length, 0);
  assert.match(told([first!])[0]!, ASIDE);
  assert.equal(first!.evidence['LoginGraceTime'], '0');
  const affected = await w.call<Affected>('getAffected', { query: { q: 'CVE-2024-6387' } });
  assert.deepEqual(
    affected.hosts.map(({ state }) => state),
    ['not-applicable'],
  );
  assert.match(affected.hosts[0]!.why, /LoginGraceTime 0 is in force/);

  // Feeds know nothing of settings: to them it is affected, and it is told why a kit sets that aside.
  await takeFeed(w, DEBIAN, OPENSSH);
  await w.settle();
  const byFeeds = async (): Promise<unknown[]> =>
    (await show(w, 'CVE-2024-6387')).hosts.map(({ state, setAside }) => [state, setAside]);
  assert.deepEqual(await byFeeds(), [['open', first!.closeReason]]);

  assert.deepEqual(told(await reported('120')), ['open']);
  assert.deepEqual(await byFeeds(), [['open', null]]);
  assert.match(told(await reported('0'))[0]!, ASIDE);
  assert.deepEqual(told(await reported('0', { sshdPending: true })), ['open'], 'the server has not read it yet');
  assert.deepEqual(told(await reported('120', {}, '1:9.2p1-2+deb12u3')), ['fixed']);
  const again = await reported('0');
  assert.match(told(again)[0]!, ASIDE);
  assert.deepEqual(
    again.map(({ id }) => id),
    [first!.id],
    'one finding all the time',
  );
  assert.deepEqual((await byFeeds())[0], ['rekindled', first!.closeReason]);
  // Updated afterwards: the finding stays as it is, closed with the reason of then, and feeds have it fixed.
  await reported('0', {}, '1:9.2p1-2+deb12u3');
  assert.deepEqual(await byFeeds(), [['fixed', null]]);
});
