import { testTree, type TestTree } from './testing.ts';

/**
 * Stands in for apk, which neither Debian nor npm has: it speaks the words of apk-tools' own source (commit.c, app_version.c,
 * database.c) and works on a tree. What it cannot show is that apk itself does what is said here of it.
 * repo.json: name → version → { needs?, removes?, fails? (its script), settings? (path of one that was changed) }.
 */
const APK = `#!${process.execPath}
const fs = require('node:fs');
const read = (path) => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '');
const db = read('lib/apk/db/installed').split(/\\n\\n+/).filter(Boolean).map((stanza) => Object.fromEntries(stanza.split('\\n').filter(Boolean).map((line) => [line[0], line.slice(2)])));
const repo = JSON.parse(read('repo.json'));
const world = new Set(read('etc/apk/world').split('\\n').filter(Boolean));
const save = () => {
  fs.writeFileSync('lib/apk/db/installed', db.map((one) => Object.entries(one).map(([key, value]) => key + ':' + value + '\\n').join('')).join('\\n') + '\\n');
  fs.writeFileSync('etc/apk/world', [...world].sort().map((one) => one + '\\n').join(''));
};
const [command, ...rest] = process.argv.slice(2);
const words = rest.filter((word, at) => !word.startsWith('-') && !['--wait', '--virtual', '--limit'].includes(rest[at - 1]));
const key = (version) => version.split(/[.r-]+/).map((part) => part.padStart(6, '0')).join('.');
fs.appendFileSync('run/apk.log', [command, ...rest].join(' ') + '\\n');
if (fs.existsSync('run/away') && command !== 'version') {
  console.error('WARNING: Ignoring http://archive/main: network error (check Internet connection and firewall)');
  console.error('ERROR: unable to select packages:');
  process.exit(1);
}
if (command === 'version') {
  console.log('Installed:                                Available:');
  for (const { P, V } of db) {
    const newest = Object.keys(repo[P] ?? {}).sort((a, b) => (key(a) < key(b) ? -1 : 1)).at(-1);
    if (newest && key(newest) > key(V)) console.log((P + '-' + V).padEnd(39) + ' < ' + newest + ' ');
  }
} else if (command === 'del') {
  for (const name of words) {
    if (!world.delete(name)) process.exit(1);
    db.splice(db.findIndex((one) => one.P === name), 1);
    console.log('(1/1) Purging ' + name + ' (20261126.080000)');
  }
  save();
} else if (command === 'fix') {
  for (const one of db) if (words.includes(one.P)) delete one.f;
  save();
} else if (command === 'add') {
  const virtual = rest[rest.indexOf('--virtual') + 1];
  const wanted = words.map((word) => word.split('='));
  const steps = [];
  for (const [name, version] of wanted) {
    const pin = [...world].find((entry) => entry.startsWith(name + '='));
    if (!repo[name]?.[version] || (pin && pin !== name + '=' + version)) {
      console.error('ERROR: unable to select packages:\\n  ' + name + '-' + version + ':\\n    breaks: ' + virtual + '-20261126.080000[' + name + '=' + version + ']');
      process.exit(1);
    }
    const { needs = [], removes = [] } = repo[name][version];
    for (const gone of removes) steps.push(['Purging', gone]);
    for (const other of [...needs.map((need) => need.split('=')), [name, version]]) steps.push(['', ...other]);
  }
  steps.push(['', virtual, '20261126.080000']);
  let errors = 0;
  steps.forEach(([what, name, version], at) => {
    const old = db.find((one) => one.P === name);
    const verb = what || (old ? (key(version) < key(old.V) ? 'Downgrading' : 'Upgrading') : 'Installing');
    const versions = what || !old ? old?.V ?? version : old.V + ' -> ' + version;
    console.log('(' + (at + 1) + '/' + steps.length + ') ' + verb + ' ' + name + ' (' + versions + ')');
    if (rest.includes('--simulate')) return;
    if (what) db.splice(db.indexOf(old), 1);
    else if (old) old.V = version;
    else db.push({ P: name, V: version, A: 'noarch' });
    const { fails, settings } = repo[name]?.[version] ?? {};
    if (settings) fs.writeFileSync('.' + settings + '.apk-new', version + '\\n');
    if (fails && !fs.existsSync('run/mended')) {
      console.error('ERROR: ' + name + '-' + version + '.post-upgrade: script exited with error 1');
      db.find((one) => one.P === name).f = 's';
      errors += 1;
    }
  });
  if (!rest.includes('--simulate')) {
    world.add(virtual);
    save();
    if (fs.existsSync('run/cut')) process.kill(process.pid, 'SIGKILL');
  }
  process.exit(errors);
}
`;

type Repo = Record<
  string,
  Record<string, { needs?: string[]; removes?: string[]; fails?: boolean; settings?: string }>
>;

export function apkTree(installed: Readonly<Record<string, string>>, world: readonly string[], repo: Repo): TestTree {
  const tree = testTree();
  const stanzas = Object.entries(installed).map(([name, version]) => `P:${name}\nV:${version}\nA:noarch\n`);
  tree.put('lib/apk/db/installed', `${stanzas.join('\n')}\n`);
  tree.put('etc/apk/world', world.map((entry) => `${entry}\n`).join(''));
  tree.put('etc/os-release', 'ID=alpine\n');
  tree.put('repo.json', JSON.stringify(repo));
  tree.put('sbin/apk', APK);
  tree.put('usr/bin/find', '#!/bin/sh\nexec /usr/bin/find "$@"\n');
  return tree;
}
