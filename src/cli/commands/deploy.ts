import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { deploymentToSign } from '../../client/plan-to-sign.ts';
import type { DeploymentPlan } from '../../model/deployment.ts';
import { keyIdOf, mayApprove, readKeyFile, signApproval } from '../approval.ts';
import type { Context } from '../context.ts';
import { deployFrom, type How } from '../deploy-from.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { hostIdOf, pick, short } from '../lookup.ts';
import { onceBody, onceLogin, type OnceLogin } from '../once-login.ts';
import { ago, colours, count, list, progress, show, type Output } from '../output.ts';
import { confirm } from '../prompt.ts';
import { collect, does, flag, instant, number, pair, text, texts, type Options } from '../run.ts';

type DeploymentReply = Awaited<ReturnType<Client['getDeployment']>>;

export function addDeploy(root: Command): void {
  addPush(root);
  const deployment = root.command('deployment').description('Deployments: what became of them, approving, stopping');
  addLooks(deployment);
  addApprove(deployment);
  does(
    deployment.command('cancel <id>').description('Begin with no further host; what is begun is brought to its end'),
    async (context, [id]) => {
      const client = await context.client();
      const done = await client.cancelDeployment({ params: { id: await deploymentIdOf(client, id![0]!) } });
      showDeployment(context.output, done);
    },
  );
}

function addPush(root: Command): void {
  does(
    root
      .command('deploy [host...]')
      .description('Install the agent on hosts over SSH')
      .option('--unknown', 'every host without an agent that was not set aside')
      .option('--tag <k=v>', 'every host with this tag')
      .option('--retry [deployment]', 'what failed or did not have its turn in a deployment; by default the last one')
      .option(
        '--credential <name>',
        'try only this login (may be repeated, in order); by default keys, and passwords bound to where the host is',
        collect,
      )
      .option(
        '--from <file>',
        'hosts from a list: CSV with columns address or name, login, port, tags; - for standard input',
      )
      .option('--login <user>', 'log in as this user for this deployment only; the login is erased when it has ended')
      .option('--password-file <file>', 'password for --login (- for standard input); asked for unless a key is given')
      .option('--key-file <file>', 'private key for --login instead of a password')
      .addOption(new Option('--become <how>', 'how --login becomes root').choices(['sudo', 'doas']))
      .option('--agentless', 'install nothing: look after these hosts over SSH from now on')
      .option('--force', 'also where there is an agent: new identity, today’s approver keys')
      .option('--accept-host-key', 'the machines were rebuilt on purpose: take their new SSH host keys')
      .option('--concurrency <n>', 'hosts at one time', '4')
      .option('--wave <n>', 'hosts of each wave; by default one wave for up to 25 hosts, else 5, 25, 125 …')
      .option('--max-failed <n>', 'the rest is left alone when the installation broke half-way on more hosts', '2')
      .option('--ask', 'do nothing before an approver has signed')
      .option('--not-before <instant>', 'begin then, e.g. 2026-12-01T02:00:00Z or 2h')
      .option('--not-after <instant>', 'begin with no host after that')
      .option('--no-wait', 'start it and return')
      .option('--list', 'list past deployments'),
    async (context, [hosts], options) => {
      const client = await context.client();
      if (flag(options, 'list')) return listDeployments(context, client);
      const waitFor = (id: string): Promise<DeploymentReply> => follow(context, client, id);
      if (text(options, 'from'))
        return deployFrom(context, client, hosts ?? [], options, { how: howFrom(options), follow: waitFor });
      const started = await begin(client, hosts ?? [], options, await onceLogin(options));
      if (started.state !== 'running' || options['wait'] === false) return showDeployment(context.output, started);
      const done = await waitFor(started.id);
      showHosts(context.output, done);
      if (done.hosts.some((host) => host.state === 'failed' || host.state === 'stopped')) throw new Exit(EXIT.negative);
    },
  );
}

async function begin(
  client: Client,
  names: string[],
  options: Options,
  once: OnceLogin | null,
): Promise<DeploymentReply> {
  if (once === null) return client.createDeployment({ body: await askedFor(client, names, options) });
  const hostIds = await Promise.all(names.map((name) => hostIdOf(client, name)));
  return client.deployOnce({
    body: { ...onceBody(once, hostIds, options), ask: flag(options, 'ask'), ...paceFrom(options) },
  });
}

type Ask = NonNullable<Parameters<Client['createDeployment']>[0]>['body'];

async function askedFor(client: Client, names: string[], options: Options): Promise<Ask> {
  const tag = text(options, 'tag') ? pair(text(options, 'tag')!, '--tag') : null;
  const retryOf = await retriedFrom(client, options);
  if (names.length === 0 && !flag(options, 'unknown') && !tag && !retryOf)
    throw new UsageError('name hosts, or use --unknown, --tag or --retry');
  return {
    ...(names.length ? { hostIds: await Promise.all(names.map((name) => hostIdOf(client, name))) } : {}),
    unknown: flag(options, 'unknown'),
    ...(tag ? { tag: { key: tag[0], value: tag[1] } } : {}),
    ...(retryOf ? { retryOf } : {}),
    ...howFrom(options),
  };
}

function howFrom(options: Options): How {
  const credentials = texts(options, 'credential');
  return {
    ...(credentials.length ? { credentials } : {}),
    force: flag(options, 'force'),
    agentless: flag(options, 'agentless'),
    acceptHostKey: flag(options, 'acceptHostKey'),
    ask: flag(options, 'ask'),
    ...paceFrom(options),
  };
}

function paceFrom(options: Options): Pick<Ask, 'concurrency' | 'maxFailed' | 'wave' | 'notBefore' | 'notAfter'> {
  const wave = number(options, 'wave');
  const notBefore = instant(options, 'notBefore');
  const notAfter = instant(options, 'notAfter');
  return {
    concurrency: number(options, 'concurrency') ?? 4,
    maxFailed: number(options, 'maxFailed') ?? 2,
    ...(wave === undefined ? {} : { wave }),
    ...(notBefore ? { notBefore } : {}),
    ...(notAfter ? { notAfter } : {}),
  };
}

async function retriedFrom(client: Client, options: Options): Promise<string | undefined> {
  const given = options['retry'];
  if (given === undefined) return undefined;
  if (typeof given === 'string') return deploymentIdOf(client, given);
  const [last] = (await client.listDeployments()).items;
  if (!last) throw new UsageError('there is no deployment to retry yet');
  return last.id;
}

async function deploymentIdOf(client: Client, ref: string): Promise<string> {
  if (ref.startsWith('dep_')) return ref;
  const items = (await client.listDeployments()).items.map(({ id }) => ({ id }));
  return pick(items, ref, 'deployment', 'deployment list').id;
}

function addLooks(deployment: Command): void {
  does(deployment.command('list').description('Deployments, newest first'), async (context) =>
    listDeployments(context, await context.client()),
  );
  does(
    deployment.command('show <id>').description('One deployment with the result and reason of each host'),
    async (context, [id]) => {
      const client = await context.client();
      showDeployment(
        context.output,
        await client.getDeployment({ params: { id: await deploymentIdOf(client, id![0]!) } }),
      );
    },
  );
}

function addApprove(deployment: Command): void {
  does(
    deployment
      .command('approve <id>')
      .description('Look at what would be deployed where, and sign it with your own key; the key stays here')
      .requiredOption('--key <file>', 'your approver key (made by `lastember key new`)')
      .option('--yes', 'do not ask'),
    async (context, [id], options) => {
      const client = await context.client();
      const found = await client.getDeployment({ params: { id: await deploymentIdOf(client, id![0]!) } });
      const pem = await readKeyFile(text(options, 'key')!);
      await mayApprove(client, found, keyIdOf(pem), 'deployment');
      const { plan, digest } = await deploymentToSign(client, found);
      if (!context.output.json) showPlan(context.output, plan, digest);
      if (!flag(options, 'yes') && !(await confirm(`Sign deployment ${digest}?`))) throw new Exit(EXIT.negative);
      const approval = signApproval(pem, found.id, digest, new Date());
      const approved = await client.approveDeployment({ params: { id: found.id }, body: approval });
      show(context.output, approved, [
        ['approved', found.id],
        ['digest', digest],
        ['key', approval.statement.keyId],
        ['state', approved.state.replace('-', ' ')],
        ['next', nextOf(approved)],
      ]);
    },
  );
}

/** Everything a signature stands for. */
function showPlan(output: Output, plan: DeploymentPlan, digest: string): void {
  const c = colours(output);
  output.out(`${c.bold('deployment')}  ${digest}`);
  output.out(
    `  what       ${plan.agentless ? 'look after these hosts over SSH, without an agent' : 'install the agent, which runs as root'}${plan.force ? ', also where there is one, with a new identity' : ''}`,
  );
  output.out(
    `  logins     ${plan.credentials.join(', ')}${plan.acceptHostKey ? '; takes new SSH host keys as they are' : ''}`,
  );
  output.out(`  valid      ${plan.notBefore} to ${plan.notAfter}`);
  output.out(`  approvals  ${plan.approvalsRequired} needed`);
  output.out(
    `  pace       ${plan.concurrency} hosts at a time; ends when it broke half-way on more than ${plan.maxFailed}`,
  );
  for (const [wave, hosts] of Map.groupBy(plan.hosts, (host) => host.wave)) {
    output.out(c.bold(`  wave ${wave + 1}: ${count(hosts.length, 'host')}`));
    for (const host of hosts) output.out(`    ${host.name}  ${host.addresses.join(', ')}`);
  }
}

function nextOf({ id, state, approvers, approvalsRequired, notBefore }: DeploymentReply): string {
  if (state === 'awaiting-approval')
    return approvers.length === 0
      ? `an approver other than you runs  lastember deployment approve ${id} --key FILE`
      : `somebody else approves it too (${approvers.length} of ${approvalsRequired})`;
  if (state === 'scheduled' && notBefore && new Date(notBefore) > new Date()) return `it starts at ${notBefore}`;
  return `watch it: lastember deployment show ${short(id)}`;
}

function showDeployment(output: Output, deployment: DeploymentReply): void {
  if (output.json) return show(output, deployment, []);
  const { id, state, createdAt, createdBy, rule, approvers, approvalsRequired, notBefore, notAfter, why } = deployment;
  show(output, deployment, [
    ['deployment', id],
    ['state', state.replace('-', ' ')],
    ['asked', `${ago(createdAt)} by ${createdBy}${rule ? `, for rule ${short(rule)}` : ''}`],
    ...(approvalsRequired > 0
      ? ([
          ['approved by', approvers.map(({ name }) => name).join(', ') || `nobody yet (${approvalsRequired} needed)`],
        ] as [string, string][])
      : []),
    ...(notBefore || notAfter
      ? ([['time', `${notBefore ?? 'now'} to ${notAfter ?? 'any time'}`]] as [string, string][])
      : []),
    ...(why ? ([['why', why]] as [string, string][]) : []),
    ...(state === 'done' || state === 'cancelled' ? [] : ([['next', nextOf(deployment)]] as [string, string][])),
  ]);
  showHosts(output, deployment);
}

function showHosts(output: Output, { hosts }: DeploymentReply): void {
  const hasWaves = hosts.some((host) => host.wave > 0);
  list(
    output,
    hosts,
    [
      { title: 'HOST', of: (h) => h.hostName, shrink: true },
      ...(hasWaves ? [{ title: 'WAVE', of: (h: DeploymentReply['hosts'][number]) => String(h.wave + 1) }] : []),
      { title: 'RESULT', of: (h) => h.state },
      { title: 'LOGIN', of: (h) => h.credential ?? '–' },
      { title: 'WHY', of: (h) => h.why ?? '', shrink: true },
    ],
    'No hosts.',
  );
}

async function follow(context: Context, client: Client, id: string): Promise<DeploymentReply> {
  const bar = progress(context.output);
  for (;;) {
    const deployment = await client.getDeployment({ params: { id } });
    const number = (state: string): number => deployment.hosts.filter((host) => host.state === state).length;
    const waves = Math.max(...deployment.hosts.map((host) => host.wave)) + 1;
    const at = deployment.hosts.find((host) => host.state === 'running' || host.state === 'waiting')?.wave;
    const wave = waves > 1 && at !== undefined ? `, wave ${at + 1} of ${waves}` : '';
    bar.at(
      `deploying: ${number('done')} done, ${number('running')} running, ${number('waiting')} waiting, ${number('failed')} failed${wave}`,
    );
    if (deployment.state === 'done' || deployment.state === 'cancelled') {
      bar.done();
      if (deployment.why) context.output.err(`stopped: ${deployment.why}`);
      return deployment;
    }
    await sleep(300);
  }
}

async function listDeployments(context: Context, client: Client): Promise<void> {
  const { items } = await client.listDeployments();
  list(
    context.output,
    items,
    [
      { title: 'DEPLOYMENT', of: (d) => short(d.id) },
      { title: 'STATE', of: (d) => d.state.replace('-', ' ') },
      { title: 'ASKED', of: (d) => `${ago(d.createdAt)} by ${d.createdBy}`, shrink: true },
      { title: 'HOSTS', of: (d) => `${d.hosts.filter((h) => h.state === 'done').length} of ${d.hosts.length}` },
      { title: 'WHY', of: (d) => d.why ?? '', shrink: true, drop: 1 },
    ],
    'No deployments yet. Begin with: lastember deploy --unknown',
  );
}
