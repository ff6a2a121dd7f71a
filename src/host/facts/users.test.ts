import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { collectFacts } from './collect.ts';
import { localHost } from '../local.ts';
import { parseSudoers, type Sudoers } from '../settings/sudoers.ts';
import { data, put, tree } from './testing.ts';

// Hashes in the form of each kind, of nobody's password.
const HASHES = {
  yescrypt: '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7',
  sha512: '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/',
  md5: '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/',
  des: 'abJnggxhB/yWI',
};
const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
ops:x:1000:1000:Operator,,,:/home/ops:/bin/bash
old:x:1001:1001::/home/old:/bin/sh
open:x:1002:1002::/home/open:/bin/sh
shut:x:1003:1003::/home/shut:/bin/sh
ldap:x:1004:1004::/home/ldap:/bin/sh
plain:${HASHES.des}:1005:1005::/home/plain:/bin/sh
bare::1006:1006::/home/bare:/bin/sh
+nis::::::
broken line
`;
const SHADOW = `root:${HASHES.yescrypt}:20228:0:99999:7:::
daemon:*:20228:0:99999:7:::
ops:${HASHES.sha512}:19000:0:90:7::20819:
old:${HASHES.md5}:0:0:99999:7:::
open::20228:0:99999:7:::
shut:!${HASHES.sha512}:20228:0:99999:7:::
`;

test('accounts: the state of each password, its kind and age, and never a hash', async () => {
  const root = tree({ 'etc/passwd': PASSWD, 'etc/shadow': SHADOW, 'etc/group': 'root:x:0:\nsudo:x:27:ops,root\n' });
  const { accounts, groups, unread } = await data(root, 'users');
  assert.deepEqual(
    accounts.map(({ name, password, scheme, changedOn, maxDays, expiresOn }) => [
      name,
      password,
      scheme,
      changedOn,
      maxDays,
      expiresOn,
    ]),
    [
      ['root', 'set', 'yescrypt', '2025-05-20', null, null],
      ['daemon', 'locked', null, '2025-05-20', null, null],
      ['ops', 'set', 'sha512', '2022-01-08', 90, '2027-01-01'],
      ['old', 'set', 'md5', null, null, null],
      ['open', 'empty', null, '2025-05-20', null, null],
      ['shut', 'locked', 'sha512', '2025-05-20', null, null],
      ['ldap', 'external', null, null, null, null],
      ['plain', 'set', 'des', null, null, null],
      ['bare', 'empty', null, null, null, null],
    ],
  );
  assert.deepEqual(groups, [
    { name: 'root', gid: 0, members: [] },
    { name: 'sudo', gid: 27, members: ['ops', 'root'] },
  ]);
  assert.deepEqual(unread, []);
  const [section] = await collectFacts(localHost({ root }), { names: ['users'] });
  for (const hash of Object.values(HASHES)) assert.ok(!JSON.stringify(section).includes(hash.slice(-10)));
});

test('accounts: where shadow cannot be read, passwords are unknown and that is said', async () => {
  const root = tree({ 'etc/passwd': PASSWD });
  fs.mkdirSync(join(root, 'etc/shadow'));
  const { accounts, unread } = await data(root, 'users');
  assert.deepEqual([accounts[0]?.password, accounts.at(-1)?.password], [null, 'empty']);
  assert.deepEqual(unread, ['/etc/shadow']);
});

const KEYS = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE8gxNwkE3gYnGiXUnMZ3mdlMZJFJFrMB1FCFI+9wTq3 ops@laptop',
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg= two words',
];

test('authorized keys: fingerprints as ssh-keygen prints them, names of options, where sshd looks for them', async (context) => {
  const options = String.raw`from="10.0.0.0/8,!10.9.9.9",command="deploy --token=hush \"x y\"",no-pty `;
  const text = `# comment\n${KEYS[0]}\n\n${options}${KEYS[1]}\nnonsense here\n`;
  const root = tree({
    'etc/passwd':
      'root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\nnobody:x:65534:65534::/nonexistent:/x\n',
    'etc/ssh/sshd_config': 'AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u %h/more\n',
    'home/ops/.ssh/authorized_keys': text,
    'etc/keys/root': `${KEYS[0]}\n`,
    'home/ops/more': `${KEYS[0]}\n`,
    'root/.ssh/authorized_keys2': `${KEYS[0]}\n`,
  });
  const { authorizedKeys } = await data(root, 'users');
  assert.deepEqual(
    authorizedKeys.map(({ user, path, type, comment, options: names }) => [user, path, type, comment, names.join(' ')]),
    [
      ['ops', '/home/ops/.ssh/authorized_keys', 'ssh-ed25519', 'ops@laptop', ''],
      [
        'ops',
        '/home/ops/.ssh/authorized_keys',
        'ecdsa-sha2-nistp256',
        'two words',
        'command from="10.0.0.0/8,!10.9.9.9" no-pty',
      ],
      ['ops', '/home/ops/more', 'ssh-ed25519', 'ops@laptop', ''],
      ['root', '/etc/keys/root', 'ssh-ed25519', 'ops@laptop', ''],
    ],
  );
  assert.doesNotMatch(JSON.stringify(authorizedKeys), /hush/);
  let said: string;
  try {
    said = execFileSync('ssh-keygen', ['-lf', join(root, 'home/ops/.ssh/authorized_keys')], { encoding: 'utf8' });
  } catch {
    context.skip('no ssh-keygen on this machine');
    return;
  }
  const oracle = said.split('\n').flatMap((line) => /SHA256:\S+/.exec(line)?.[0] ?? []);
  const ours = authorizedKeys.filter((key) => key.path.endsWith('.ssh/authorized_keys')).map((key) => key.fingerprint);
  assert.deepEqual(ours.sort(), oracle.sort());
});

const SUDOERS = String.raw`# comment
Defaults	env_reset
Defaults	mail_badpass
Defaults:ops	!authenticate, timestamp_timeout=5 # five
User_Alias	ADMINS = alice, %admins : WEB = carol
Runas_Alias	DB = postgres, mysql
Host_Alias	FARM = web1, web2
Cmnd_Alias	SERVICES = /usr/bin/systemctl restart nginx, \
	/usr/bin/systemctl reload nginx
Cmnd_Alias	SHELLS = /bin/sh, /bin/bash
root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL
#1001	ALL = /bin/ls
ADMINS, dave	FARM = (DB) NOPASSWD: SERVICES, PASSWD: /bin/cat /var/log/a\,b, !SHELLS
WEB	ALL=(root) NOPASSWD:NOEXEC: /usr/bin/less : db1 = /usr/bin/id
erin	ALL=(ALL) NOPASSWD: /usr/local/bin/backup --password=hush
@includedir /etc/sudoers.d
`;

const short = ({ sudo }: Pick<Sudoers, 'sudo'>): string[] =>
  sudo.map(
    ({ who, hosts, runAs, password, commands }) =>
      `${who} ${hosts.join(',')}=(${runAs})${password ? '' : ' NOPASSWD'} ${commands.join(' | ')}`,
  );

test('sudoers: aliases, tags that hold on, several hosts in a line, uids, includes, nothing secret', async () => {
  const root = tree({
    'etc/sudoers': SUDOERS,
    'etc/sudoers.d/10-ops': 'ops ALL=(ALL) NOPASSWD: ALL\n',
    'etc/sudoers.d/README': '# none\n',
    'etc/sudoers.d/off.disabled': 'mallory ALL=(ALL) ALL\n',
    'etc/sudoers.d/copy~': 'mallory ALL=(ALL) ALL\n',
  });
  const { sudo, sudoDefaults } = await data(root, 'users');
  const services = '/usr/bin/systemctl restart nginx | /usr/bin/systemctl reload nginx';
  const rest = `/bin/cat /var/log/a,b | !/bin/sh | !/bin/bash`;
  assert.deepEqual(
    short({ sudo }).sort(),
    [
      '#1001 ALL=(root) /bin/ls',
      '%sudo ALL=(ALL:ALL) ALL',
      ...['alice', '%admins', 'dave'].flatMap((who) => [
        `${who} web1,web2=(postgres, mysql) NOPASSWD ${services}`,
        `${who} web1,web2=(postgres, mysql) ${rest}`,
      ]),
      'carol ALL=(root) NOPASSWD /usr/bin/less',
      'carol db1=(root) /usr/bin/id',
      'erin ALL=(ALL) NOPASSWD /usr/local/bin/backup --password=•••',
      'ops ALL=(ALL) NOPASSWD ALL',
      'root ALL=(ALL:ALL) ALL',
    ].sort(),
  );
  assert.equal(sudo.find((one) => one.who === 'ops')?.path, '/etc/sudoers.d/10-ops');
  assert.deepEqual(sudoDefaults, [
    'Defaults env_reset',
    'Defaults mail_badpass',
    'Defaults:ops !authenticate, timestamp_timeout=5',
  ]);
  assert.deepEqual((await data(tree(), 'users')).sudo, []);
});

test('sudoers: the same grants as cvtsudoers finds', async (context) => {
  const root = tree();
  put(root, 'sudoers', SUDOERS.replace(/^@include.*$/m, '').replace('--password=hush', '--all'));
  let said: string;
  try {
    said = execFileSync('cvtsudoers', ['-e', '-f', 'json', join(root, 'sudoers')], { encoding: 'utf8' });
  } catch {
    context.skip('no cvtsudoers on this machine');
    return;
  }
  const oracle = grantsOf(JSON.parse(said) as CvtSudoers);
  const ours = (await parseSudoers('/sudoers', fs.readFileSync(join(root, 'sudoers'), 'utf8'), async () => [])).sudo;
  const flat = ours.flatMap((one) => one.commands.map((command) => `${one.who} ${command} ${one.password}`));
  assert.deepEqual(flat.sort(), oracle.sort());
});

interface CvtSudoers {
  User_Specs: {
    User_List: { username?: string; usergroup?: string; userid?: number }[];
    Cmnd_Specs: {
      Options?: { authenticate?: boolean }[];
      Commands: ({ command: string; negated?: boolean } | string)[];
    }[];
  }[];
}

function grantsOf(said: CvtSudoers): string[] {
  return said.User_Specs.flatMap((spec) =>
    spec.User_List.flatMap((user) =>
      spec.Cmnd_Specs.flatMap(({ Options = [], Commands }) =>
        Commands.map((command) => {
          const who = user.username ?? (user.usergroup ? `%${user.usergroup}` : `#${user.userid}`);
          const asks = !Options.some((option) => option.authenticate === false);
          const text = typeof command === 'string' ? command : `${command.negated ? '!' : ''}${command.command}`;
          return `${who} ${text} ${asks}`;
        }),
      ),
    ),
  );
}
