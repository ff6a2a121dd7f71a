import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { ruleToSign } from '../../client/plan-to-sign.ts';
import type { DeployRule, DeployRulePlan } from '../../model/deployment.ts';
import { keyIdOf, mayApprove, readKeyFile, signApproval } from '../approval.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { pick, short } from '../lookup.ts';
import { colours, count, list, show, type Output } from '../output.ts';
import { confirm } from '../prompt.ts';
import { collect, does, flag, instant, number, text, texts } from '../run.ts';

export function addDeployRules(root: Command): void {
  const rule = root
    .command('deploy-rule')
    .description('New servers in a segment get an agent, after approval, without anybody naming them');
  addAdd(rule);
  addApprove(rule);
  does(rule.command('list').description('Rules, and whether they hold'), async (context) => {
    const { items } = await (await context.client()).listDeployRules();
    list(
      context.output,
      items,
      [
        { title: 'RULE', of: (r) => r.name, shrink: true },
        { title: 'STATE', of: (r) => (r.rests ? `rests: ${r.rests}` : r.state.replace('-', ' ')), shrink: true },
        { title: 'FOR', of: (r) => r.where.join(', '), shrink: true },
        {
          title: 'APPROVAL',
          of: (r) => (r.standing ? r.approvers.map(({ name }) => name).join(', ') || 'nobody yet' : 'each time'),
          shrink: true,
        },
        { title: 'UNTIL', of: (r) => r.notAfter.slice(0, 10) },
        { title: 'BY', of: (r) => r.createdBy, shrink: true, drop: 1 },
      ],
      'No rules yet. How to add one: lastember deploy-rule add --help',
    );
  });
  does(
    rule.command('end <name>').description('It asks for nothing any more; what it began is stopped'),
    async (context, [name]) => {
      const client = await context.client();
      const ended = await client.endDeployRule({ params: { id: (await ruleOf(client, name![0]!)).id } });
      show(context.output, ended, [['ended', ended.name]]);
    },
  );
  addCoverage(root);
}

async function ruleOf(client: Client, ref: string): Promise<DeployRule> {
  const { items } = await client.listDeployRules();
  // A name may be given again once its rule has ended.
  const open = items.filter(({ state }) => state !== 'ended');
  return pick(open, ref, 'deployment rule', 'deploy-rule list');
}

function addAdd(rule: Command): void {
  does(
    rule
      .command('add <name>')
      .description(
        'Whatever is discovered there gets an agent: each batch once an approver signed, or all by one signature',
      )
      .requiredOption('--for <where>', 'address, CIDR or tag (k=v) it is for (may be repeated)', collect)
      .requiredOption('--until <instant>', 'how long it holds, e.g. 2027-06-30T00:00:00Z or 90d')
      .option('--standing', 'an approver signs the rule once; without, each deployment that it asks for')
      .option('--redeploy', 'also hosts whose agent vanished and that a scan still finds')
      .option(
        '--credential <name>',
        'login to try (may be repeated, in order); by default those that may be tried unnamed',
        collect,
      )
      .option('--agentless', 'install nothing: look after these hosts over SSH')
      .option('--hours <HH:MM-HH:MM>', 'begin only at these hours of the day, in UTC (with --standing)')
      .option('--most <n>', 'hosts in any 24 hours, at most', '20')
      .option('--within <hours>', 'a host here has to be managed so many hours after it was discovered', '24'),
    async (context, [name], options) => {
      if (text(options, 'hours') && !flag(options, 'standing'))
        throw new UsageError('--hours goes with --standing: without, whoever approves decides when it begins');
      const made = await (
        await context.client()
      ).addDeployRule({
        body: {
          name: name![0]!,
          where: texts(options, 'for'),
          notAfter: instant(options, 'until')!,
          standing: flag(options, 'standing'),
          redeploy: flag(options, 'redeploy'),
          credentials: texts(options, 'credential'),
          agentless: flag(options, 'agentless'),
          hours: text(options, 'hours') ?? null,
          most: number(options, 'most') ?? 20,
          within: number(options, 'within') ?? 24,
        },
      });
      show(context.output, made, [
        ['rule', made.name],
        ['state', made.state.replace('-', ' ')],
        [
          'next',
          made.state === 'awaiting-approval'
            ? `an approver other than you runs  lastember deploy-rule approve ${made.name} --key FILE`
            : 'it asks for a deployment when something new is there: lastember deployment list',
        ],
      ]);
    },
  );
}

function addApprove(rule: Command): void {
  does(
    rule
      .command('approve <name>')
      .description('Look at a standing rule and sign it with your own key; the key stays here')
      .requiredOption('--key <file>', 'your approver key (made by `lastember key new`)')
      .option('--yes', 'do not ask'),
    async (context, [name], options) => {
      const client = await context.client();
      const found = await ruleOf(client, name![0]!);
      const pem = await readKeyFile(text(options, 'key')!);
      await mayApprove(client, found, keyIdOf(pem), 'rule');
      const { plan, digest } = await ruleToSign(client, found);
      if (!context.output.json) showRule(context.output, plan, digest);
      if (!flag(options, 'yes') && !(await confirm(`Sign rule ${digest}?`))) throw new Exit(EXIT.negative);
      const approval = signApproval(pem, found.id, digest, new Date());
      const approved = await client.approveDeployRule({ params: { id: found.id }, body: approval });
      show(context.output, approved, [
        ['approved', approved.name],
        ['digest', digest],
        ['key', approval.statement.keyId],
        ['state', approved.state.replace('-', ' ')],
      ]);
    },
  );
}

/** Everything a signature stands for. */
function showRule(output: Output, rule: DeployRulePlan, digest: string): void {
  output.out(`${colours(output).bold('rule')}  ${rule.name}  ${digest}`);
  output.out(
    `  what       ${rule.agentless ? 'look over SSH after' : 'install the agent, which runs as root, on'} every new host of ${rule.where.join(', ')}`,
  );
  if (rule.redeploy) output.out('             and on those whose agent vanished');
  output.out(`  logins     ${rule.credentials.join(', ') || 'those that may be tried unnamed'}`);
  output.out(
    `  limits     ${count(rule.most, 'host')} in 24 hours, ${rule.hours ? `between ${rule.hours} UTC` : 'at any hour'}`,
  );
  output.out(`  holds      until ${rule.notAfter}`);
  output.out(`  approvals  ${rule.approvalsRequired} needed`);
}

function addCoverage(root: Command): void {
  does(
    root
      .command('coverage')
      .description('How much of each segment is managed, and how long hosts took from discovered to managed')
      .option(
        '--within <hours>',
        'a host has to be managed so many hours after it was discovered, where no rule says it',
        '24',
      )
      .option('--overdue', 'list the hosts that are not managed although their time is over')
      .option('--check', 'exit 1 when there are any'),
    async (context, _, options) => {
      const client = await context.client();
      const { items } = await client.getCoverage({ query: { within: number(options, 'within') ?? 24 } });
      const overdue = items[0]?.overdue ?? [];
      const all = new Map(items.flatMap((item) => item.overdue.map((host) => [host.hostId, host] as const)));
      if (flag(options, 'overdue')) {
        list(
          context.output,
          [...all.values()],
          [
            { title: 'HOST', of: (h) => h.name, shrink: true },
            { title: 'SINCE', of: (h) => hours(h.hours) },
            { title: 'ID', of: (h) => short(h.hostId), drop: 1 },
            { title: 'WHY', of: (h) => h.why ?? 'nobody has tried yet: lastember deploy', shrink: true },
          ],
          'Every host is managed, or has time left.',
        );
      } else {
        list(
          context.output,
          items,
          [
            { title: 'SEGMENT', of: (s) => (s.kind === 'all' ? 'all' : `${s.kind} ${s.name}`), shrink: true },
            { title: 'HOSTS', of: (s) => String(s.hosts) },
            { title: 'MANAGED', of: (s) => `${s.managed}${s.agentless ? ` (${s.agentless} over SSH)` : ''}` },
            { title: 'UNMANAGED', of: (s) => String(s.unmanaged) },
            { title: 'CANNOT', of: (s) => String(s.unmanageable) },
            { title: 'LOST', of: (s) => String(s.lost) },
            { title: 'MEDIAN', of: (s) => (s.median === null ? '–' : hours(s.median)), drop: 2 },
            { title: '95 %', of: (s) => (s.p95 === null ? '–' : hours(s.p95)), drop: 2 },
            {
              title: 'IN TIME',
              of: (s) => (s.kept === null ? '–' : `${Math.floor(s.kept * 1000) / 10} % in ${s.within} h`),
            },
            { title: 'OVERDUE', of: (s) => String(s.overdue.length) },
          ],
          'No hosts yet. Begin with: lastember scan',
        );
      }
      if (flag(options, 'check') && (overdue.length > 0 || all.size > 0)) throw new Exit(EXIT.negative);
    },
  );
}

const hours = (value: number): string =>
  value < 1
    ? `${Math.max(1, Math.round(value * 60))} min`
    : value < 48
      ? `${Math.round(value)} h`
      : `${Math.round(value / 24)} d`;
