import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitEcosystem } from './release.ts';
import { mainReleaseOf, minorOf, streamInWords, streamOf, streamOfHost, streamReleaseOf } from './streams.ts';

test('3.2: a stream is the same by a CPE’s word, by OSV’s and by a host’s repositories', () => {
  const same = [
    ['rhel_eus:9.2::baseos', '9.2', 'rhel-9-for-x86_64-baseos-eus-rpms', '9.2-eus', '9.2 EUS'],
    ['rhel_e4s:9.0::appstream', '9.0', 'rhel-9-for-x86_64-baseos-e4s-rpms', '9.0-e4s', '9.0 E4S'],
    ['rhel_aus:8.4', '8.4', 'rhel-8-for-x86_64-baseos-aus-rpms', '8.4-aus', '8.4 AUS'],
    ['rhel_tus:8.6::baseos', '8.6', 'rhel-8-for-x86_64-baseos-tus-rpms', '8.6-tus', '8.6 TUS'],
    ['enterprise_linux_eus:10.0', '10.0', 'rhel-10-for-x86_64-baseos-eus-rhui-rpms', '10.0-eus', '10.0 EUS'],
    ['rhel_els:7', '7.9', 'rhel-7-server-els-rpms', '7-els', '7 ELS'],
    ['rhel_aus:7.7::server', '7.7', 'rhui-rhel-7-server-rhui-aus-rpms', '7.7-aus', '7.7 AUS'],
  ] as const;
  for (const [product, versionId, repository, release, words] of same) {
    assert.equal(streamReleaseOf(product), release);
    assert.equal(splitEcosystem(`Red Hat:${product}`).release, release);
    assert.equal(streamOfHost({ versionId, updatesFrom: { pinned: null, repositories: [repository] } }), release);
    assert.equal(streamInWords(streamOf(release)!), words);
    assert.equal(mainReleaseOf(release), versionId.split('.')[0]);
  }
  assert.equal(streamReleaseOf('rhel_eus_long_life:8.4::appstream'), '8.4-eus-long-life');
  for (const last of ['rhel_e6s:8.10', 'rhel_eus:9.10::baseos'])
    assert.equal(streamReleaseOf(last), /[89]/.exec(last.split(':')[1]!)![0], 'no later one comes');
  assert.equal(streamReleaseOf('enterprise_linux_e2s:10.0'), '10.0-e2s');
  for (const none of [
    'enterprise_linux:9::baseos',
    'rhel_software_collections:3::el7',
    'rhel_eus:9',
    'rhel_extras_rt_els:7',
  ])
    assert.equal(streamReleaseOf(none), null, none);
  for (const none of ['9', '9.2', 'rhel_software_collections:3::el7', 'v3.19', '15.5', '9.2-rt', null])
    assert.equal(streamOf(none), null, String(none));
});

test('3.2: the minor release that a package was built for is told by its release, or by nothing', () => {
  const told = {
    '1:3.0.7-16.el9_2.9': '9.2',
    '4.18.0-477.51.1.el8_8': '8.8',
    '5.14.0-284.30.1.rt14.315.el9_2': '9.2',
    '3.10.0-1160.119.1.el7': null,
    '1.0.2k-26.el7_9': '7.9',
    '18.18.2-1.module+el8.10.0+20407+a3c3ddee': '8.10',
    '1:3.0.7-27.el9': null,
    // A change after the tag, and no minor release.
    '2.6.32-3.el6.2': null,
    '1.14-1.el7a': null,
  };
  for (const [version, minor] of Object.entries(told)) assert.equal(minorOf(version), minor, version);
});

test('3.2: which stream a host is on follows from the base’s repositories and the release that it is held at', () => {
  const on = (versionId: string, repositories: string[], pinned: string | null = null): string | null =>
    streamOfHost({ versionId, updatesFrom: { pinned, repositories } });
  const EUS = ['rhel-9-for-x86_64-appstream-eus-rpms', 'rhel-9-for-x86_64-baseos-eus-rpms'];
  assert.equal(streamOfHost({ versionId: '9.2' }), null, 'an agent of before');
  assert.equal(on('9.2', []), null);
  assert.equal(on('9.2', [], '9.2'), null, 'held back, and no extended support');
  assert.equal(on('9.2', EUS, '9.2'), '9.2-eus');
  assert.equal(on('9.2', EUS, '9.4'), '9.4-eus', 'not updated yet');
  assert.equal(on('9', EUS), null, 'which one nobody knows');
  assert.equal(on('9.2', EUS, '8.6'), '9.2-eus', 'left over from an upgrade');
  assert.equal(on('8.6', EUS), null);
  assert.equal(on('', ['rhel--for-els-rpms']), null, 'a host that does not say its release');
  assert.equal(on('9.4', ['rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_2']), '9.2-eus');
  assert.equal(on('9.2', ['rhel-9-for-x86_64-highavailability-e4s-rpms']), null, 'an add-on alone');
  assert.equal(
    on('9.2', ['rhel-9-for-x86_64-baseos-eus-debug-rpms', 'rhel-9-for-x86_64-baseos-eus-source-rpms']),
    null,
  );
  assert.equal(on('9.2', ['my-eus-mirror', 'epel-eus-rpms', 'rhel-9-for-x86_64-baseos-eus']), null);
  assert.equal(on('8.6', ['rhel-8-for-x86_64-baseos-eus-rpms', 'rhel-8-for-x86_64-baseos-e4s-rpms']), '8.6-e4s');
  assert.equal(on('7.9', ['rhel-7-server-els-rpms', 'rhel-7-server-eus-rpms']), '7-els');
  assert.equal(on('7.6', ['rhel-7-for-system-z-eus-rpms', 'rhel-ha-for-rhel-7-server-eus-rpms']), '7.6-eus');
  assert.equal(on('8.4', ['rhel-8-for-x86_64-baseos-eus-long-life-rpms']), '8.4-eus-long-life');
});

test('3.2, property: whatever a host says of its repositories, it is on a stream of its own major release or on none', () => {
  const word = fc.constantFrom(
    'rhel',
    'rhui',
    '8',
    '9',
    'for',
    'x86_64',
    'baseos',
    'eus',
    'e4s',
    'els',
    'debug',
    'rpms',
    '',
  );
  const id = fc.oneof(
    fc.array(word, { maxLength: 9 }).map((words) => words.join('-')),
    fc.string(),
  );
  const minor = fc.oneof(fc.constantFrom('9.2', '8.6', '9', '', '9.2.1', '-9.2'), fc.string());
  fc.assert(
    fc.property(minor, fc.option(minor), fc.array(id), (versionId, pinned, repositories) => {
      const release = streamOfHost({ versionId, updatesFrom: { pinned, repositories } });
      if (release === null) return;
      assert.equal(mainReleaseOf(release), versionId.split('.')[0]);
      assert.ok(repositories.some((one) => one.includes(streamOf(release)!.kind.slice(0, 3))));
    }),
    { numRuns: 2000 },
  );
});
