import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLocks4, parseLocks5 } from './dnf-holds.ts';
import { parseDnfTable } from './dnf-table.ts';
import { isDnfAway, parseOffered } from './dnf.ts';
import { parseCopies } from './installed-rpms.ts';
import { scriptFailures, settingsIn } from './rpm-transaction.ts';
import { parseProblems, parseSummary, parseUpdates } from './zypper-xml.ts';
import { isZypperAway, parseZypperLocks } from './zypper.ts';

describe('dnf', () => {
  test('the table of dnf 4: rows that go on in the next line, obsolete packages, what is skipped, the oldest kernel', () => {
    const text = `Last metadata expiration check: 0:00:04 ago on Thu Nov 26 07:45:23 2026.
Dependencies resolved.
================================================================================
 Package              Architecture        Version          Repository      Size
================================================================================
Installing:
 kernel-core          x86_64              6.4.10-200.fc38  updates         18 M
Upgrading:
 libshop              noarch              2-1              t              6.3 k
     replacing  oldshop.noarch 1-1
 pipewire-jack-audio-connection-kit
                      x86_64              1:1.0.6-1.fc41   rawhide         16 k
Installing dependencies:
 shop-data            noarch              2-1              t              123
Skipping packages with conflicts:
(add '--best --allowerasing' to command line to force their upgrade):
 tool                 noarch              2-1              t              6.3 k
Removing:
 kernel-core          x86_64              6.4.5-200.fc38   @System         66 M
Removing dependent packages:
 gadget               noarch              1-1              @t               8

Transaction Summary
================================================================================
Install  2 Packages
`;
    assert.deepEqual(parseDnfTable(text), {
      changes: [
        { name: 'kernel-core', to: '6.4.10-200.fc38', isNew: true },
        { name: 'libshop', to: '2-1', isNew: false },
        { name: 'pipewire-jack-audio-connection-kit', to: '1:1.0.6-1.fc41', isNew: false },
        { name: 'shop-data', to: '2-1', isNew: true },
      ],
      removed: ['gadget', 'oldshop'],
    });
  });

  test('the table of dnf 5, where every package replaces its older self', () => {
    const text = `Package                      Arch   Version                 Repository      Size
Removing:
 kernel-modules-core         x86_64 6.8.5-301.fc40          fedora      66.4 MiB
Installing:
 openh264                    x86_64 2.6.0-2.fc43            fedora-cisco 1.1 MiB
   replacing noopenh264      x86_64 2.6.0-1.fc43            @commandline 39.2 KiB
Upgrading:
 efi-filesystem              noarch 5-13.fc41               updates      0.0   B
   replacing efi-filesystem  noarch 5-12.fc41               fedora       0.0   B
 qemu-img                    x86_64 2:9.1.2-1.fc41          updates     22.9 MiB
   replacing qemu-img        x86_64 2:9.1.1-2.fc41          updates     22.9 MiB

Transaction Summary:
 Installing:         1 package
 Upgrading:          2 packages
 Replacing:          3 packages
 Removing:           1 package
`;
    assert.deepEqual(parseDnfTable(text), {
      changes: [
        { name: 'openh264', to: '2.6.0-2.fc43', isNew: true },
        { name: 'efi-filesystem', to: '5-13.fc41', isNew: false },
        { name: 'qemu-img', to: '2:9.1.2-1.fc41', isNew: false },
      ],
      removed: ['kernel-modules-core', 'noopenh264'],
    });
  });

  test('what is offered, without epochs of 0; other lines are none', () => {
    const text = '\nbash 0:5.1.8-9.el9 x86_64\n\ntool 2:2-1 noarch\nsubscription-manager: not registered\n';
    assert.deepEqual(parseOffered(text), [
      { name: 'bash', version: '5.1.8-9.el9', arch: 'x86_64' },
      { name: 'tool', version: '2:2-1', arch: 'noarch' },
    ]);
  });

  test('locks of dnf 4 and dnf 5: names, globs and versions; what only excludes holds nothing', () => {
    const held = (locks: readonly RegExp[], ...names: string[]): string[] =>
      names.filter((name) => locks.some((lock) => lock.test(name)));
    const four = parseLocks4(
      '# Added lock\ntool-2:1-1.*\n\n!shop-0:1-1.*\npython3-foo-0:1.2-3.el9.*\n1:old-1-1.x86_64\nkernel*\nnginx\njava-17-openjdk-devel\nlib-any-*-*\n',
    );
    const names = [
      'tool',
      'tool-data',
      'shop',
      'python3-foo',
      'python3',
      'old',
      'kernel-core',
      'nginx',
      'java',
      'java-17',
    ];
    const bare = ['java-17-openjdk-devel', 'lib-any'];
    const locked = ['tool', 'python3-foo', 'old', 'kernel-core', 'nginx', ...bare];
    assert.deepEqual(held(four, ...names, ...bare), locked);
    const five = parseLocks5(`version = "1.0"

[[packages]]
name = "bash"
[[packages.conditions]]
key = "evr"
comparator = "="
value = "0:5.2.15-5.fc39"

[[packages]]
name = "iftop"
[[packages.conditions]]
key = "evr"
comparator = "!="
value = "0:1.0-0.31.pre4.fc39"

[[packages]]
name = "*nvidia*"
[[packages.conditions]]
key = "evr"
comparator = ">="
value = "3:570"
`);
    assert.deepEqual(held(five, 'bash', 'iftop', 'kmod-nvidia'), ['bash', 'kmod-nvidia']);
  });

  test('a network that is away, and an answer that says no', () => {
    const ended = (stderr: string): boolean => isDnfAway({ code: 1, stdout: '', stderr });
    assert.ok(ended("  - Curl error (7): Couldn't connect to server for http://127.0.0.1:8765/repodata/repomd.xml"));
    assert.ok(!ended('[MIRROR] shop-2-1.noarch.rpm: Status code: 404 for http://127.0.0.1:8765/shop-2-1.noarch.rpm'));
  });
});

describe('zypper', () => {
  test('its summary: up, down, new and gone; patches and products are no packages', () => {
    const solvable = (name: string, edition: string, old: string | null, type = 'package'): string =>
      `<solvable type="${type}" name="${name}" edition="${edition}" arch="noarch"${old === null ? '' : ` edition-old="${old}" arch-old="noarch"`} summary="t">\n<description>t</description></solvable>`;
    const text = `<?xml version='1.0'?>
<stream>
<message type="info">Resolving package dependencies...</message>
<install-summary download-size="12849" space-usage-diff="-8" packages-to-change="3">
<to-install>
${solvable('SUSE-2026-1', '1', null, 'patch')}
${solvable('shop-data', '2-1', null)}
</to-install>
<to-upgrade>
${solvable('libstdc++6', '2:2-1', '2:1-1')}
</to-upgrade>
<to-downgrade>
${solvable('shop', '1-1', '2-1')}
</to-downgrade>
<to-remove>
${solvable('oldshop', '1-1', null)}
</to-remove>
</install-summary>
`;
    assert.deepEqual(parseSummary(text), {
      changes: [
        { name: 'shop-data', from: null, to: '2-1' },
        { name: 'libstdc++6', from: '2:1-1', to: '2:2-1' },
        { name: 'shop', from: '2-1', to: '1-1' },
      ],
      removed: ['oldshop'],
    });
  });

  test('updates in one line, problems, locks', () => {
    const updates = `<update-list>
<update kind="package" name="bad" edition="2-1" arch="noarch" edition-old="1-1"><summary>t</summary></update><update kind="package" name="tool" edition="2:2-1" arch="noarch" edition-old="2:1-1"><summary>a &gt; b</summary></update><update kind="patch" name="p" edition="1"></update></update-list>`;
    assert.deepEqual(
      [...parseUpdates(updates)],
      [
        ['bad', '2-1'],
        ['tool', '2:2-1'],
      ],
    );
    const problem = `<prompt id="1">\n<description>Problem: tool-2:2-1.noarch conflicts with gadget &lt; 2 provided by gadget-1-1.noarch\n Solution 1: deinstallation of gadget-1-1.noarch\n`;
    assert.equal(parseProblems(problem), 'tool-2:2-1.noarch conflicts with gadget < 2 provided by gadget-1-1.noarch');
    assert.equal(parseProblems('<stream>'), null);
    const locks = parseZypperLocks(
      '\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: tool\n\ntype: patch\nsolvable_name: shop\n\nmatch_type: glob\nsolvable_name: kernel-*\n',
    );
    const held = ['tool', 'tools', 'shop', 'kernel-default'].filter((name) => locks.some((lock) => lock.test(name)));
    assert.deepEqual(held, ['tool', 'kernel-default']);
  });

  test('a network that is away, and an answer that says no', () => {
    const ended = (stderr: string, code = 8): boolean => isZypperAway({ code, stdout: '', stderr });
    assert.equal(ended('Error code: Connection failed', 106), false, 'it ended well without an archive');
    assert.ok(
      ended('Error code: Connection failed\nError message: Failed to connect to 127.0.0.1 port 8765 after 0 ms'),
    );
    assert.ok(!ended("File './shop-2-1.noarch.rpm' not found on medium 'http://127.0.0.1:8765/'"));
  });
});

test('rpm: settings files, scripts that failed, packages that are there twice', () => {
  const text = `warning: /etc/shop.conf created as /etc/shop.conf.rpmnew
warning: /etc/shop.hard saved as /etc/shop.hard.rpmsave
error: lua script failed: [string "%post(sore-0:2-1.noarch)"]:1: no such database
warning: %post(shop-2-1.noarch) scriptlet failed, exit status 1
`;
  assert.deepEqual(settingsIn(text), { kept: ['/etc/shop.conf'], replaced: ['/etc/shop.hard'] });
  assert.equal(scriptFailures(text).length, 2);
  const line = (name: string, arch: string, at: number, instance: number, nevra: string): string =>
    `${name}\t(none)\t1-1\t${arch}\t${name}-1-1.src.rpm\t(none)\t${at}\t${instance}\t${nevra}\n`;
  const copies = parseCopies(
    [
      line('shop', 'noarch', 10, 1, 'shop-1-1.noarch'),
      line('shop', 'noarch', 20, 2, 'shop-2-1.noarch'),
      line('lib', 'x86_64', 1, 3, 'lib-1-1.x86_64'),
      line('lib', 'i686', 1, 4, 'lib-1-1.i686'),
      line('gpg-pubkey', '(none)', 1, 5, 'a'),
      line('gpg-pubkey', '(none)', 1, 6, 'b'),
    ].join(''),
  );
  assert.deepEqual(
    copies.map((group) => group.map((copy) => copy.nevra)),
    [['shop-1-1.noarch', 'shop-2-1.noarch']],
  );
});
