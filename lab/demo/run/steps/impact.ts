import type { Exception, Finding } from '../../../../src/model/finding.ts';
import { hostsOf } from '../api.ts';
import type { Demo } from '../context.ts';
import { untilOrNull } from '../wait.ts';
import { burning, findingsNow, KIT } from './audit.ts';

const DAY = 86_400_000;
/** Long enough to be seen in force, short enough to be seen ending. */
const SHORT_SECONDS = 12;

export interface Exceptions {
  /** the host that nobody can log in to */
  lasting: Exception;
  /** ends while the demo runs */
  short: { exception: Exception; finding: Finding } | null;
}

export async function showImpact(demo: Demo): Promise<void> {
  const { people, account, estate } = demo;
  const dependencies = await untilOrNull(15, async () => {
    const seen = (await people.operator.listDependencies()).items;
    return seen.length >= 5 ? seen : null;
  });
  account.say(`${dependencies?.length ?? 0} dependencies were seen as open connections between hosts`);
  account.table(
    (dependencies ?? []).map((each) => [
      each.clientName,
      '→',
      each.serverName,
      `:${each.port}`,
      `${each.connections} open`,
    ]),
  );
  const hosts = await hostsOf(people.operator);
  const database = hosts.find(({ addresses }) => addresses.includes(estate.host('shop-db').address));
  const impact = database ? await people.operator.previewImpact({ body: { hostIds: [database.id] } }) : null;
  const direct = impact?.affectedHosts.filter(({ distance }) => distance === 1).map(({ hostName }) => hostName) ?? [];
  const further = impact?.affectedHosts.filter(({ distance }) => distance > 1).map(({ hostName }) => hostName) ?? [];
  account.claim(
    'M.5: impact names who is connected to the database, and who depends on those',
    ['shop-app', 'pay', 'reports'].every((name) => direct.includes(name)) && further.includes('shop'),
    `directly ${direct.join(', ')}; through them ${further.join(', ')}`,
  );
}

/** Risks that are accepted for a while, each with an owner, a reason and an end. */
export async function except(demo: Demo, findings: Finding[]): Promise<Exceptions> {
  const { people, account, estate } = demo;
  const hosts = await hostsOf(people.operator);
  const legacy = hosts.find(({ addresses }) => addresses.includes(estate.host('legacy').address));
  const lasting = await people.operator.createException({
    body: {
      match: { hostId: legacy!.id, kit: KIT },
      reason: 'Nobody can log in; the machine is switched off at the end of the month',
      owner: 'intranet',
      control: 'Reachable from the office network only',
      expiresAt: new Date(Date.now() + 14 * DAY).toISOString(),
    },
  });
  account.say(`exception for ${legacy!.name} until ${lasting.expiresAt.slice(0, 10)}: ${lasting.reason}`);
  const build = hosts.find(({ addresses }) => addresses.includes(estate.host('build').address));
  const some = findings.find(({ check, hostId }) => check === 'sshd-x11-forwarding' && hostId === build?.id);
  if (!some) return { lasting, short: null };
  const exception = await people.operator.createException({
    body: {
      match: { hostId: some.hostId, kit: some.kit, check: some.check },
      reason: 'A short one, to see it end',
      owner: 'operations',
      expiresAt: new Date(Date.now() + SHORT_SECONDS * 1000).toISOString(),
    },
  });
  const covered = (await findingsNow(demo)).find(({ id }) => id === some.id);
  account.claim(
    'an exception covers its finding',
    covered?.state === 'excepted',
    `${some.hostName}: ${some.title}, for ${SHORT_SECONDS} s`,
  );
  return { lasting, short: { exception, finding: some } };
}

export async function checkExpiry(demo: Demo, { lasting, short }: Exceptions): Promise<void> {
  if (!short) return;
  const { account } = demo;
  const again = await untilOrNull(SHORT_SECONDS + 30, async () => {
    const finding = (await findingsNow(demo)).find(({ id }) => id === short.finding.id);
    return finding && burning(finding) ? finding : null;
  });
  account.claim(
    'an exception that ended lets its finding burn again',
    again !== null,
    again ? `${again.hostName}: ${again.title}, ${again.state}` : await stateOf(demo, short),
  );
  const other = (await findingsNow(demo)).filter(({ exceptionId }) => exceptionId === lasting.id);
  account.claim(
    'one that has not ended still covers, and never makes green',
    other.length > 0 && other.every(({ state }) => state === 'excepted'),
    other.map(({ endpoint, state }) => `${endpoint ?? ''} ${state}`).join(', '),
  );
}

async function stateOf(demo: Demo, { exception, finding }: NonNullable<Exceptions['short']>): Promise<string> {
  const [now, all] = await Promise.all([findingsNow(demo), demo.people.operator.listExceptions()]);
  const ended = all.items.find(({ id }) => id === exception.id)?.endReason ?? 'it has not ended';
  return `${finding.title}: ${now.find(({ id }) => id === finding.id)?.state ?? 'gone'}; ${ended}`;
}
