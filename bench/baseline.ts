import { join } from 'node:path';
import { must } from '../lab/netns/command.ts';
import { HOSTS } from '../lab/netns/hosts.ts';
import { netnsPath } from '../lab/netns/place.ts';
import { addressOf } from '../lab/netns/spec.ts';
import { skip, TestLab } from '../lab/netns/testing/lab.ts';
import { keyPath } from '../lab/netns/up.ts';
import { evidenceOf } from '../src/loop/audit/kit-tools/evidence.ts';
import { KITS_DIR, loadKits } from '../src/loop/audit/kit-tools/parse.ts';
import { celOf, judge } from '../src/loop/audit/logic/judge/judge.ts';
import { Facts, type Section } from '../src/model/facts.ts';
import type { Bench, Measured } from './contract.ts';

/** bookworm has the tools, and trixie rules for bookworm. */
const [HOST, NEWER] = ['web1', 'web2'];
const CONTENT = '/usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml';
const PROFILE = 'xccdf_org.ssgproject.content_profile_standard';
const INSTALL = 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install';

const figures: string[] = [];
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function timed<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const began = performance.now();
  const result = await work();
  return [performance.now() - began, result];
}

async function sh(lab: TestLab, host: string, script: string, fine: readonly number[] = [0]): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, 'sh', '-c', script);
  if (fine.includes(code)) return stdout;
  throw new Error(`${host}: \`${script}\` ended with ${code}: ${stderr.slice(-500)}`);
}

async function equip(lab: TestLab): Promise<void> {
  await lab.lab('up', '--only', `${HOST},${NEWER}`);
  await sh(lab, NEWER, `${INSTALL} ssg-debian >/dev/null 2>&1`);
  await sh(lab, HOST, `${INSTALL} lynis openscap-scanner >/dev/null 2>&1`);
  await sh(lab, NEWER, `gzip -c ${CONTENT} | base64 -w0 >/tmp/content`);
  const script = `base64 -d | gunzip >/root/content.xml`;
  const read = `${process.execPath} ${join(import.meta.dirname, '../lab/netns/main.ts')}`;
  const copy = `${read} exec ${NEWER} -- cat /tmp/content | ${read} exec ${HOST} -- sh -c '${script}'`;
  await must(['sh', '-c', copy], { env: lab.env });
}

async function collected(lab: TestLab): Promise<Partial<Facts>> {
  const address = addressOf(HOSTS.find(({ name }) => name === HOST)!);
  const script = join(import.meta.dirname, '../lab/netns/testing/facts.ts');
  const input = JSON.stringify({ address, key: keyPath(lab.place) });
  const told = await must(['nsenter', `--net=${netnsPath(lab.place.name)}`, process.execPath, script, input]);
  const sections = JSON.parse(told) as Section[];
  return Facts.partial().parse(Object.fromEntries(sections.map(({ name, data }) => [name, data]))) as Partial<Facts>;
}

function failing(facts: Partial<Facts>): string[] {
  const kit = loadKits(KITS_DIR).find((one) => one.kit.kit === 'linux-baseline')!;
  const evidence = evidenceOf({ facts, endpoints: [], now: new Date().toISOString(), addresses: [] });
  const began = performance.now();
  const judged = judge(kit, evidence, () => new Set(), celOf(evidence));
  figures.push(`ours, ${kit.checks.length} checks from facts: ${(performance.now() - began).toFixed(0)} ms`);
  return [...new Set(judged.flatMap(({ verdict, check }) => (verdict === 'fail' ? [check.id] : [])))];
}

async function round(lab: TestLab): Promise<Measured> {
  const [ours, found] = await timed(async () => failing(await collected(lab)));
  const [lynis] = await timed(() => sh(lab, HOST, 'lynis audit system --quick --quiet --no-colors', [0, 1, 78]));
  const [oscap, told] = await timed(() =>
    // It ends with 2 where a rule fails.
    sh(lab, HOST, `oscap xccdf eval --profile ${PROFILE} /root/content.xml 2>/dev/null`, [0, 2]),
  );
  const failed = [...told.matchAll(/^Rule\s+\S+_rule_(\S+)\nResult\s+fail$/gm)].map((one) => one[1]!);
  const named = await sh(lab, HOST, `grep -E '^(warning|suggestion)\\[\\]=' /var/log/lynis-report.dat`, [0, 1]);
  const lines = named.split('\n').flatMap((line) => /=([A-Z]+-\d+)\|/.exec(line)?.[1] ?? []);
  figures.push(`ours with collecting over SSH: ${seconds(ours)}; ${found.length} fail: ${found.join(' ')}`);
  figures.push(`lynis audit system: ${seconds(lynis)}; ${lines.length} lines: ${[...new Set(lines)].join(' ')}`);
  figures.push(`oscap, standard profile: ${seconds(oscap)}; ${failed.length} fail: ${failed.join(' ')}`);
  return { ours: 1000 / ours, peer: 1000 / Math.min(lynis, oscap) };
}

export const baseline: Bench = {
  name: 'baseline',
  claim: 'the baseline of a real host, with collecting, as fast as the faster of lynis and oscap',
  target: 1,
  figures: () => figures,
  missing: () => (skip === false ? null : String(skip)),
  run: async (rounds): Promise<Measured[]> => {
    const lab = new TestLab('c');
    try {
      await equip(lab);
      const measured: Measured[] = [];
      for (let at = 0; at < rounds; at += 1) measured.push(await round(lab));
      return measured;
    } finally {
      await lab.lab('down');
    }
  },
};
