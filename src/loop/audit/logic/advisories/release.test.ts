import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianRelease, releaseOf, splitEcosystem } from './release.ts';

test('a release is the same by a feed’s word and by os-release’s, wherever the two differ', () => {
  const same = [
    ['Debian:12', '12'],
    ['Ubuntu:22.04:LTS', '22.04'],
    ['Ubuntu:Pro:18.04:LTS', '18.04'],
    ['Red Hat:enterprise_linux:9::appstream', '9.4'],
    ['AlmaLinux:9', '9.7'],
    ['Alpine:v3.19', '3.19.1'],
    ['Alpine:edge', '3.23_alpha20260401'],
    ['SUSE:Linux Enterprise Server 15 SP5', '15.5'],
    ['SUSE:Linux Enterprise Server 15 SP3-LTSS', '15.3'],
    ['SUSE:Linux Enterprise Module for Basesystem 15 SP5', '15.5'],
    ['SUSE:Linux Enterprise Server 12', '12'],
    ['openSUSE:Leap 15.5', '15.5'],
    ['openSUSE:Tumbleweed', '20261120'],
    ['openEuler:22.03-LTS-SP1', '22.03'],
    ['Azure Linux:3', '3.0'],
  ] as const;
  for (const [text, versionId] of same) {
    const { ecosystem, release } = splitEcosystem(text);
    assert.equal(releaseOf(ecosystem, versionId), release, text);
  }
  for (const [text, versionId] of [
    ['SUSE:Linux Enterprise Server 15 SP5', '15.4'],
    ['SUSE:Linux Enterprise Micro 5.3', '5.3'],
    ['Red Hat:rhel_eus:9.2::baseos', '9.2'],
    ['Red Hat:rhel_software_collections:3::el7', '3'],
    ['Ubuntu:Pro:FIPS-updates:20.04:LTS', '20.04'],
    ['openSUSE:Leap Micro 5.3', '5.3'],
  ] as const) {
    const { ecosystem, release } = splitEcosystem(text);
    assert.notEqual(releaseOf(ecosystem, versionId), release, text);
  }
  assert.equal(releaseOf('Debian', null), null);
});

test('what every object has is the name of no ecosystem and of no release', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    assert.equal(releaseOf(name, '1.2'), '1.2');
    assert.deepEqual(splitEcosystem(`${name}:1.2`), { ecosystem: name, release: '1.2' });
    assert.equal(debianRelease(name), name);
  }
});
