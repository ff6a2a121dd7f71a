import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { debianTracker } from '../../src/loop/audit/feeds/debian-tracker.ts';
import { debsecan } from '../../src/loop/audit/feeds/testing-debsecan.ts';
import { own } from '../../src/loop/audit/feeds/testing.ts';
import { type HostMatch, matchHost } from '../../src/loop/audit/logic/advisories/host.ts';
import { evidenceOf } from '../../src/loop/audit/kit-tools/evidence.ts';
import { KITS_DIR, loadKits } from '../../src/loop/audit/kit-tools/parse.ts';
import { celOf } from '../../src/loop/audit/logic/judge/judge.ts';
import { type Mitigation, mitigationOf } from '../../src/loop/audit/logic/judge/mitigation.ts';
import { asInstalled } from '../../src/loop/audit/logic/interned.ts';
import { versionOrder } from '../../src/loop/audit/versions/registry.ts';
import { Facts, type Section, type SectionName } from '../../src/model/facts.ts';
import { must } from './command.ts';
import { HOSTS } from './hosts.ts';
import { netnsPath } from './place.ts';
import { addressOf } from './spec.ts';
import {
  asDebsecan,
  asTracker,
  claimsFor,
  claimsIn,
  READ_CHANGELOGS,
  type Release,
  sourcesIn,
} from './testing/claims.ts';
import { skip, TestLab } from './testing/lab.ts';
import { keyPath } from './up.ts';

/** One of each release; sudo1 would be the fourth, but root cannot log in there. */
const UP = ['old1', 'web1', 'web2'];
const lab = new TestLab('f');

before(async () => {
  if (!skip) await lab.lab('up', '--only', UP.join(','));
});
after(async () => {
  if (!skip) await lab.lab('down');
});

async function look(host: string): Promise<Section[]> {
  const address = addressOf(HOSTS.find((spec) => spec.name === host)!);
  const script = join(import.meta.dirname, 'testing/facts.ts');
  const argument = JSON.stringify({ address, key: keyPath(lab.place) });
  return JSON.parse(
    await must(['nsenter', `--net=${netnsPath(lab.place.name)}`, process.execPath, script, argument]),
  ) as Section[];
}

function data<N extends SectionName>(sections: readonly Section[], name: N): Facts[N] {
  const section = sections.find((one) => one.name === name);
  assert.equal(section?.error, undefined);
  return Facts.shape[name].parse(section?.data) as Facts[N];
}

const said = async (host: string, ...argv: string[]): Promise<string> => {
  const ran = await lab.exec(host, ...argv);
  assert.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
};
const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

for (const host of UP) {
  describe(`facts of ${host} and what its own tools say`, { skip }, () => {
    let sections: Section[];
    before(async () => {
      await said(host, 'apt-get', '-q', 'update');
      sections = await look(host);
    });

    test('every section is there, fits its schema, and holds no secret', () => {
      for (const { name, error } of sections) assert.equal(error, undefined, name);
      for (const { name, data: found } of sections) Facts.shape[name].parse(found);
      assert.doesNotMatch(JSON.stringify(sections), /PRIVATE KEY|\$(?:y|6|5|1)\$/);
    });

    test('a second look gives the same hashes', async () => {
      const hashes = (of: readonly Section[]): string[] =>
        // Our own login is a process, and a connection.
        of
          .filter(({ name }) => name !== 'processes' && name !== 'connections')
          .map(({ name, hash }) => `${name} ${hash}`);
      assert.deepEqual(hashes(await look(host)), hashes(sections));
    });

    test('packages: dpkg-query; origins: apt-cache madison', async () => {
      const format = '${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\\n';
      const oracle = lines(await said(host, 'dpkg-query', '-W', '-f', format)).filter((line) =>
        line.startsWith('installed '),
      );
      const facts = data(sections, 'packages');
      const ours = facts.map((one) =>
        [one.status, one.name, one.version, one.arch, one.source, one.sourceVersion].join(' '),
      );
      assert.deepEqual(ours.sort(), oracle.sort());
      const offered = lines(await said(host, 'apt-cache', 'madison', ...facts.map((one) => one.name)));
      for (const { name, version, origin } of facts) {
        const archives = offered.map((line) => line.split('|').map((part) => part.trim()));
        const here = archives.filter(([of, has]) => of === name && has === version).map(([, , from]) => from ?? '');
        const isSecurity = here.some((from) => from.includes('-security/'));
        const expected = here.length === 0 ? null : isSecurity ? 'security' : 'main';
        assert.equal(origin === 'updates' ? 'main' : origin, expected, `${name} ${version}: ${here.join()}`);
      }
      assert.ok(facts.some((one) => one.origin === 'main'));
    });

    test('sockets: ss -tlnp', async () => {
      const oracle = lines(await said(host, 'ss', '-tlnpH')).map((line) => {
        const [, , , local] = line.split(/\s+/);
        const pids = [...line.matchAll(/pid=(\d+)/g)].map((match) => Number(match[1]));
        const cut = local!.lastIndexOf(':');
        return `${local!
          .slice(0, cut)
          .replace(/^\[|\]$/g, '')
          .replace('*', '::')} ${local!.slice(cut + 1)} ${Math.min(...pids)}`;
      });
      const ours = data(sections, 'sockets').map((one) => `${one.address} ${one.port} ${one.pid}`);
      assert.deepEqual(ours.sort(), oracle.sort());
    });

    test('settings: sshd -T', async () => {
      const { sshd, sshdBy } = data(sections, 'settings');
      assert.equal(sshdBy, 'sshd');
      const oracle = lines(await said(host, 'sshd', '-T'));
      for (const line of oracle) {
        const [keyword = '', value = ''] = [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)];
        const known = keyword.replace('challengeresponse', 'kbdinteractive');
        assert.ok(sshd[known]?.includes(value.replace('without-password', 'prohibit-password')), line);
      }
    });

    test('users: passwd -S, getent group, ssh-keygen -l, cvtsudoers', async () => {
      const users = data(sections, 'users');
      const states: Record<string, string> = { locked: 'L', set: 'P', empty: 'NP' };
      const ours = users.accounts.map((one) => `${one.name} ${states[one.password ?? '']}`);
      const oracle = lines(await said(host, 'passwd', '-S', '-a')).map((line) => line.split(' ').slice(0, 2).join(' '));
      assert.deepEqual(ours.sort(), oracle.sort());
      const groups = users.groups.map((one) => `${one.name} ${one.gid} ${one.members.join(',')}`);
      const named = lines(await said(host, 'getent', 'group')).map((line) => {
        const [name, , gid, members = ''] = line.split(':');
        return `${name} ${gid} ${members.split(',').sort().join(',')}`;
      });
      assert.deepEqual(groups.sort(), named.sort());
      const keys = lines(await said(host, 'ssh-keygen', '-lf', '/root/.ssh/authorized_keys')).map(
        (line) => line.split(' ')[1],
      );
      assert.deepEqual(users.authorizedKeys.map((one) => one.fingerprint).sort(), keys.sort());
      const sudo = JSON.parse(await said(host, 'cvtsudoers', '-e', '-f', 'json', '/etc/sudoers')) as {
        User_Specs: { User_List: { username?: string; usergroup?: string }[] }[];
      };
      const who = sudo.User_Specs.flatMap((spec) => spec.User_List.map((one) => one.username ?? `%${one.usergroup}`));
      assert.deepEqual(users.sudo.map((one) => one.who).sort(), who.sort());
    });

    test('mounts: findmnt; routes: ip route', async () => {
      const table = JSON.parse(
        await said(host, 'findmnt', '--json', '--list', '--tab-file', '/proc/1/mounts', '-o', 'TARGET,FSTYPE'),
      ) as {
        filesystems: { target: string; fstype: string }[];
      };
      const mounted = new Set(table.filesystems.map((one) => `${one.target} ${one.fstype}`));
      const mounts = data(sections, 'mounts');
      assert.ok(mounts.some((one) => one.target === '/' && one.type === 'overlay'));
      for (const one of mounts) assert.ok(mounted.has(`${one.target} ${one.type}`), one.target);
      const routes = JSON.parse(await said(host, 'ip', '-j', '-4', 'route')) as { dst: string; dev: string }[];
      const four = data(sections, 'routes').filter((one) => !one.destination.includes(':'));
      assert.deepEqual(
        four.map((one) => `${one.destination} ${one.device}`),
        routes.map((one) => `${one.dst} ${one.dev}`),
      );
    });

    test('services and cron: what runs in each host', () => {
      const services = data(sections, 'services').filter((one) => one.state === 'running');
      assert.ok(services.some((one) => one.name === 'ssh.service' && one.mainPid !== null));
      const cron = data(sections, 'cron').filter((one) => one.kind === 'script' && one.schedule === '@daily');
      assert.ok(cron.some((one) => one.path === '/etc/cron.daily/dpkg' && one.enabled));
    });

    test('certificates: openssl x509', async () => {
      const found = data(sections, 'certificates').filter((one) => one.kind === 'certificate');
      if (host !== 'old1') assert.ok(found.length > 0);
      for (const one of found) {
        const serial = await said(
          host,
          'openssl',
          'x509',
          '-in',
          one.path,
          '-noout',
          '-serial',
          '-fingerprint',
          '-sha256',
        );
        assert.match(serial, new RegExp(`serial=${one.serial}`));
        assert.equal(/Fingerprint=(\S+)/i.exec(serial)?.[1]?.replaceAll(':', '').toLowerCase(), one.fingerprint);
        const spki = await said(
          host,
          'sh',
          '-c',
          `openssl x509 -in ${one.path} -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum`,
        );
        assert.equal(spki.slice(0, 64), one.spki);
      }
    });
  });
}

/** Processes that use what an upgrade replaced, as each of the two tools sees them. */
test('3.3: processes: needrestart -b and checkrestart after an upgrade without restarts', { skip }, async () => {
  const host = 'web1';
  // The upgrade would restart the services; this keeps it from that, as many administrators do.
  const keep = 'printf "#!/bin/sh\\nexit 101\\n" >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d';
  const quiet = 'export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1';
  const install = 'apt-get -q -y --no-install-recommends install needrestart debian-goodies lsof';
  const upgrade = 'apt-get -q -y install --only-upgrade libssl3';
  await said(host, 'sh', '-c', `${keep}; ${quiet}; ${install} && ${upgrade}`);
  const stale = data(await look(host), 'processes').filter((one) => one.replaced.length > 0);
  const { stdout, stderr } = await lab.exec(host, 'needrestart', '-b', '-r', 'l', '-l', '-v');
  const oracle = [...`${stdout}${stderr}`.matchAll(/#(\d+) uses (?:deleted|obsolete)/g)].map((match) =>
    Number(match[1]),
  );
  assert.ok(stale.length > 0, 'nothing was upgraded that a service maps');
  // Those of our own login are gone when the tools look.
  const alive = new Set(lines(await said(host, 'ps', '-e', '-o', 'pid=')).map(Number));
  const ours = stale.map((one) => one.pid).filter((pid) => alive.has(pid));
  assert.deepEqual(
    ours,
    [...new Set(oracle)].sort((a, b) => a - b),
  );
  assert.match(
    (await lab.exec(host, 'checkrestart', '-v')).stdout,
    new RegExp(`Found ${ours.length} processes using old`),
  );
});

/** The source packages of a host, what its packages say of themselves, and what its archives offer. */
async function releaseOf(host: string, sections: readonly Section[]): Promise<Release> {
  const packages = data(sections, 'packages');
  return {
    suite: HOSTS.find((spec) => spec.name === host)!.release,
    sources: new Map(packages.map((one) => [one.source, one.sourceVersion])),
    claims: claimsIn(await said(host, 'sh', '-c', READ_CHANGELOGS)),
    offered: sourcesIn(await said(host, 'apt-cache', 'show', '--no-all-versions', ...packages.map((one) => one.name))),
  };
}

test('3.1, oracle: findings on a host of each release are debsecan’s, line by line', { skip }, async (context) => {
  const hosts = await Promise.all(UP.map(async (name) => ({ name, sections: await look(name) })));
  // Of one release after the other: what is newer knows what is wrong with what is older.
  const releases = await Promise.all(hosts.map(({ name, sections }) => releaseOf(name, sections)));
  const directory = mkdtempSync(join(tmpdir(), 'lastember-debsecan-'));
  context.after(() => rmSync(directory, { recursive: true }));
  for (const [at, { name, sections }] of hosts.entries()) {
    const { suite } = releases[at]!;
    const claims = claimsFor(releases[at]!, releases.slice(at + 1));
    writeFileSync(join(directory, suite), asDebsecan(claims));
    const listed = debsecan(await said(name, 'cat', '/var/lib/dpkg/status'), { data: directory, suite });
    if (listed === null) return context.skip('there is no debsecan here that runs');
    const { versionId } = data(sections, 'os');
    const installed = data(sections, 'packages').map((fact) => asInstalled(fact, { versionId, stream: null }));
    const statements = own(debianTracker.parse(asTracker(suite, claims), {}).statements);
    const { packages } = matchHost(statements, installed, versionOrder, null);
    const lines = (which: (match: HostMatch) => boolean): string[] =>
      packages
        .filter(which)
        .flatMap(({ id, packages: names }) => names.map((one) => `${id} ${one}`))
        .toSorted();
    const [affected, fixed] = [
      lines(({ verdict }) => verdict === 'affected'),
      lines(({ verdict }) => verdict === 'fixed'),
    ];
    // 5.2.5-2.1~deb11u1 is older than 5.2.5-2.1 and was built of it; whoever goes by the order alone takes it for affected.
    const rebuilt = lines(({ why }) => / is a rebuild of /.test(why));
    assert.deepEqual([...affected, ...rebuilt].toSorted(), listed, name);
    context.diagnostic(
      `${name}, ${suite}: ${affected.length} lines alike, ${rebuilt.length} of rebuilds, ${fixed.length} fixed`,
    );
    assert.ok(affected.length > 5 && fixed.length > 100, name);
  }
});

test(
  '3.6: LoginGraceTime 0 keeps regreSSHion from harm once a real sshd has it in force, and no sooner',
  { skip },
  async () => {
    const host = 'web2';
    const kit = loadKits(KITS_DIR).find(({ kit: { kit: name } }) => name === 'regresshion')!;
    const check = kit.checks.find((one) => one.kind === 'package')!;
    const mitigated = async (): Promise<Mitigation | null> => {
      const facts = Object.fromEntries((await look(host)).map((section) => [section.name, section.data]));
      const evidence = evidenceOf({ facts, endpoints: [], now: new Date().toISOString(), addresses: [] });
      return mitigationOf(check, evidence, celOf(evidence));
    };
    assert.equal(await mitigated(), null);
    await said(host, 'sed', '-i', '1i LoginGraceTime 0', '/etc/ssh/sshd_config');
    assert.equal(await mitigated(), null, 'the server that runs has not read it');
    await said(host, 'service', 'ssh', 'restart');
    assert.deepEqual((await mitigated())?.seen, { LoginGraceTime: '0' });
    await said(host, 'sed', '-i', '1d', '/etc/ssh/sshd_config');
    assert.equal(await mitigated(), null, 'a restart would end it');
  },
);
