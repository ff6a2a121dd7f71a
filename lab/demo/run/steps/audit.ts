import type { Campaign } from '../../../../src/model/campaign.ts';
import type { Host } from '../../../../src/model/estate.ts';
import { BURNING, type Finding } from '../../../../src/model/finding.ts';
import type { DemoHost } from '../../estate.ts';
import { hostsOf } from '../api.ts';
import type { Demo } from '../context.ts';
import { untilOrNull } from '../wait.ts';

export const KIT = 'heartbleed';

export const findingsNow = ({ people: { operator } }: Demo): Promise<Finding[]> =>
  operator.listFindings().then(({ items }) => items);
export const campaignNow = ({ people: { operator } }: Demo): Promise<Campaign> =>
  operator.getCampaign({ params: { kit: KIT } });
export const burning = (finding: Finding): boolean => BURNING.includes(finding.state);

/** Hosts whose server leaks, by how the estate was built. */
export function leaking({ estate }: Demo): DemoHost[] {
  const vulnerable = ['0.10.0', '0.10.1'];
  return estate.hosts.filter(
    ({ spec }) => vulnerable.includes(spec.runtime) && spec.services.some(({ certificate }) => certificate),
  );
}

const tlsEndpoint = (host: DemoHost): string =>
  `${host.address}:${host.spec.services.find(({ certificate }) => certificate)!.port}`;

/** Waits until what was planted is found and nothing more comes. */
async function settle(demo: Demo): Promise<Finding[]> {
  const expected = leaking(demo).map(tlsEndpoint);
  let last = '';
  let since = 0;
  const found = await untilOrNull(45, async () => {
    const findings = await findingsNow(demo);
    const seen = JSON.stringify(findings.map(({ id, state, pending }) => [id, state, pending]).sort());
    if (seen !== last) since = Date.now();
    last = seen;
    const proven = expected.every((at) => findings.some(({ endpoint, kit }) => endpoint === at && kit === KIT));
    const judged = findings.some(({ kit, hostId }) => kit !== KIT && hostId);
    return proven && judged && Date.now() - since > 1500 ? findings : null;
  });
  return found ?? findingsNow(demo);
}

export async function audit(demo: Demo): Promise<Finding[]> {
  const { account, estate, people } = demo;
  const findings = await settle(demo);
  const hosts = await hostsOf(people.operator);
  const at = (name: string): Host | undefined =>
    hosts.find((host) => host.addresses.includes(estate.host(name).address));
  const proven = findings
    .filter(({ kit, endpoint, confidence }) => kit === KIT && endpoint && confidence === 1)
    .filter(burning);
  const expected = leaking(demo).map(tlsEndpoint).sort();
  const got = [...new Set(proven.map(({ endpoint }) => endpoint!))].sort();
  account.claim(
    'Heartbleed was proven on every server that leaks and on no other',
    expected.join() === got.join(),
    got.join(', '),
  );
  const wiki = findings.filter(({ hostId, kit }) => hostId === at('wiki')?.id && kit === KIT).filter(burning);
  account.claim('a version that looks vulnerable is cleared by the probe', wiki.length === 0, 'wiki: nodejs 0.10.2');
  const tickets = findings.find(({ hostId, pending }) => hostId === at('tickets')?.id && pending);
  account.claim(
    'M.1: fixed on disk but still running stays open, and names process and unit',
    /\d+/.test(tickets?.pending ?? '') && (tickets?.pending ?? '').includes('tickets'),
    tickets?.pending ?? 'no such finding',
  );
  const campaign = await campaignNow(demo);
  const shared = campaign.endpoints.filter(({ cause }) => cause === 'shared-key');
  account.claim(
    'M.3: the same key on another host was found and joins the campaign',
    shared.some(({ hostId }) => hostId === at('mail-archive')?.id),
    shared.map(({ endpoint, via }) => `${endpoint} via ${via ?? '?'}`).join(', '),
  );
  report(demo, findings);
  return findings;
}

function report({ account }: Demo, findings: Finding[]): void {
  const open = findings.filter(burning);
  const count = new Map<string, number>();
  for (const { kit, check, severity } of open) {
    const key = `${severity}\t${kit}\t${check}`;
    count.set(key, (count.get(key) ?? 0) + 1);
  }
  const rows = [...count]
    .map(([key, times]) => [...key.split('\t'), `${times}`])
    .sort((a, b) => Number(b[3]) - Number(a[3]));
  account.say(`${open.length} findings on ${new Set(open.map(({ hostId }) => hostId)).size} hosts`);
  account.table([['severity', 'kit', 'check', 'findings'], ...rows]);
  const settings = open.filter(({ kit }) => kit !== KIT);
  account.claim('violations of the configuration baseline were found', settings.length >= 10, `${settings.length}`);
}
