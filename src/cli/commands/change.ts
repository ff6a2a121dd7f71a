import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { planToSign } from '../../client/plan-to-sign.ts';
import { Change } from '../../model/change.ts';
import { Plan } from '../../model/plan.ts';
import { keyIdOf, mayApprove, readKeyFile, signApproval } from '../approval.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { changeIdOf, findingIdOf, hostIdOf, short } from '../lookup.ts';
import { ago, list, progress, show } from '../output.ts';
import { confirm } from '../prompt.ts';
import { coverage, showPlan } from '../plan.ts';
import { collect, does, flag, number, text, texts } from '../run.ts';
import { showChange } from '../views.ts';

const ENDED: readonly string[] = ['closed', 'failed', 'rolled-back', 'cancelled'];

export function addChange(root: Command): void {
  const change = root.command('change').description('Remediation: one immutable plan each');
  addCreate(change);
  addRead(change);
  addApprove(change);
  addControl(change);
  addAuthority(root);
}

function addCreate(change: Command): void {
  does(
    change
      .command('create')
      .description(
        'Plan the remediation of a kit’s open findings, or of the findings named; it then waits for approval',
      )
      .option('--kit <kit>', 'all open findings of this kit')
      .option('--finding <id>', 'this finding (may be repeated)', collect)
      .option('--host <host>', 'only on this host (may be repeated)', collect)
      .option('--title <text>', 'title (default: from the kit)')
      .requiredOption('--reason <text>', 'why; stands in the change record')
      .option('--abort-after <n>', 'stop a wave when more than so many hosts fail', '0'),
    async (context, _, options) => {
      const client = await context.client();
      const kit = text(options, 'kit');
      const findings = await Promise.all(texts(options, 'finding').map((ref) => findingIdOf(client, ref)));
      if (!kit && findings.length === 0) throw new UsageError('say what to remediate: --kit or --finding');
      const hosts = await Promise.all(texts(options, 'host').map((host) => hostIdOf(client, host)));
      const made = await client.createChange({
        body: {
          ...(kit ? { kit } : {}),
          ...(findings.length ? { findings } : {}),
          ...(hosts.length ? { hosts } : {}),
          title: text(options, 'title') ?? `Remediate ${kit ?? `${findings.length} findings`}`,
          reason: text(options, 'reason')!,
          abortAfterFailures: number(options, 'abortAfter') ?? 0,
        },
      });
      if (context.output.json) return context.output.out(JSON.stringify(made, null, 2));
      showChange(context.output, Change.parse(made.change));
      for (const left of made.left)
        context.output.out(`not in the plan: ${left.hostName}${left.endpoint ? ` ${left.endpoint}` : ''}: ${left.why}`);
      context.output.out(
        `next: an approver other than you runs  lastember change approve ${made.change.id} --key FILE`,
      );
    },
  );
  does(
    change.command('replan <id>').description('Make a new plan from the estate as it is now; earlier approvals end'),
    async (context, [id]) => {
      const client = await context.client();
      const made = await client.replanChange({ params: { id: await changeIdOf(client, id![0]!) } });
      if (context.output.json) return context.output.out(JSON.stringify(made, null, 2));
      showChange(context.output, Change.parse(made.change));
    },
  );
}

async function coverageOf(client: Client, { id, planDigest }: Change): Promise<string[]> {
  if (planDigest === null) return [];
  const { text: canonical } = await client.getPlan({ params: { id } });
  // A plan of a newer server may hold what this version cannot read; what is signed is read more strictly.
  const plan = Plan.safeParse(JSON.parse(canonical));
  return plan.success ? coverage(plan.data) : [];
}

function addRead(change: Command): void {
  does(change.command('list').description('List changes'), async (context) => {
    const { items } = await (await context.client()).listChanges();
    list(
      context.output,
      items,
      [
        { title: 'ID', of: (c) => short(c.id) },
        { title: 'STATE', of: (c) => c.state },
        { title: 'KIT', of: (c) => c.kit, shrink: true },
        { title: 'APPROVALS', of: (c) => `${c.approvals.length}/${c.approvalsRequired}` },
        { title: 'UPDATED', of: (c) => ago(c.updatedAt), drop: 1 },
        { title: 'TITLE', of: (c) => c.title, shrink: true },
      ],
      'No changes yet. Plan one: lastember change create --kit KIT --reason TEXT',
    );
  });
  does(
    change.command('show <id>').description('Plan, approvals, rollout and impact of a change'),
    async (context, [id]) => {
      const client = await context.client();
      const found = Change.parse(await client.getChange({ params: { id: await changeIdOf(client, id![0]!) } }));
      showChange(context.output, found, await coverageOf(client, found));
    },
  );
  does(
    change.command('plan <id>').description('The plan’s canonical text, exactly as it is hashed and signed'),
    async (context, [id]) => {
      const client = await context.client();
      const plan = await client.getPlan({ params: { id: await changeIdOf(client, id![0]!) } });
      // No newline at the end: these bytes are what is hashed.
      if (context.output.json) context.output.out(JSON.stringify(plan, null, 2));
      else process.stdout.write(plan.text);
    },
  );
}

function addApprove(change: Command): void {
  does(
    change
      .command('approve <id>')
      .description('Look at the plan and sign its digest with your own key; the key stays here')
      .requiredOption('--key <file>', 'your approver key (made by `lastember key new`)')
      .option('--yes', 'do not ask'),
    async (context, [id], options) => {
      const client = await context.client();
      const found = Change.parse(await client.getChange({ params: { id: await changeIdOf(client, id![0]!) } }));
      if (!found.planDigest) throw new UsageError(`change ${found.id} has no plan yet`);
      const pem = await readKeyFile(text(options, 'key')!);
      await mayApprove(client, found, keyIdOf(pem));
      const { plan, digest } = await planToSign(client, found);
      if (!context.output.json) {
        context.output.out(`${found.title} (${found.id}), because: ${found.reason}`);
        showPlan(context.output, plan, digest);
      }
      if (!flag(options, 'yes') && !(await confirm(`Sign plan ${digest}?`))) throw new Exit(EXIT.negative);
      const approval = signApproval(pem, found.id, digest, new Date());
      const approved = await client.approveChange({ params: { id: found.id }, body: approval });
      show(context.output, approved, [
        ['approved', found.id],
        ['digest', digest],
        ['key', approval.statement.keyId],
        ['state', approved.state],
        ['next', nextOf(approved)],
      ]);
    },
  );
}

/** What comes after an approval: it starts nothing by itself. */
function nextOf({ id, state, startAt, approvals, approvalsRequired }: ChangeReply): string {
  if (state === 'awaiting-approval')
    return `somebody else approves it too (${approvals.length} of ${approvalsRequired})`;
  if (startAt) return `it starts at ${startAt}`;
  return `an operator starts it: lastember change run ${id}`;
}

function addControl(change: Command): void {
  does(
    change
      .command('schedule <id>')
      .description('Start an approved change at a time')
      .requiredOption('--at <instant>', 'e.g. 2026-12-01T02:00:00Z'),
    async (context, [id], options) => {
      const at = new Date(text(options, 'at')!);
      if (Number.isNaN(at.getTime())) throw new UsageError('--at takes an instant such as 2026-12-01T02:00:00Z');
      const client = await context.client();
      const params = { id: await changeIdOf(client, id![0]!) };
      const found = await client.scheduleChange({ params, body: { at: at.toISOString() } });
      show(context.output, found, [['scheduled', found.startAt ?? '–']]);
    },
  );
  does(
    change
      .command('run <id>')
      .description('Start an approved change now, and follow it; exit 1 when it does not close')
      .option('--no-wait', 'start it and return'),
    async (context, [id], options) => {
      const client = await context.client();
      const started = await client.runChange({ params: { id: await changeIdOf(client, id![0]!) } });
      const done = options['wait'] === false ? started : await follow(context, client, started.id);
      showChange(context.output, Change.parse(done));
      if (options['wait'] !== false && done.state !== 'closed') throw new Exit(EXIT.negative);
    },
  );
  const verbs = [
    ['pause', 'Start no further step; what runs ends', 'pauseChange'],
    ['resume', 'Go on', 'resumeChange'],
    ['cancel', 'End it; what was done stays', 'cancelChange'],
    ['rollback', 'Undo what can be undone, in reverse order', 'rollbackChange'],
  ] as const;
  for (const [verb, about, operation] of verbs) {
    does(change.command(`${verb} <id>`).description(about), async (context, [id]) => {
      const client = await context.client();
      const found = await client[operation]({ params: { id: await changeIdOf(client, id![0]!) } });
      show(context.output, found, [
        ['change', found.id],
        ['state', found.state],
      ]);
    });
  }
}

type ChangeReply = Awaited<ReturnType<Client['getChange']>>;

async function follow(context: Context, client: Client, id: string): Promise<ChangeReply> {
  const bar = progress(context.output);
  for (;;) {
    const change = await client.getChange({ params: { id } });
    const tasks = change.waves.flatMap((wave) => wave.tasks);
    bar.at(`${change.state}: ${tasks.filter((task) => task.state === 'done').length} of ${tasks.length} hosts done`);
    if (ENDED.includes(change.state) || change.state === 'paused') {
      bar.done();
      return change;
    }
    await sleep(400);
  }
}

function addAuthority(root: Command): void {
  const authority = root.command('authority').description('Certificate authorities that reissue and revoke');
  does(
    authority
      .command('add <name>')
      .description('Add an authority that speaks the step-ca API')
      .requiredOption('--url <url>', 'its address')
      .requiredOption('--provisioner <name>', 'name of the JWK provisioner')
      .requiredOption('--key <file>', 'the provisioner’s private key (JWK); kept in the vault')
      .option('--root <file>', 'PEM of its root, when it is not publicly trusted'),
    async (context, [name], options) => {
      const rootFile = text(options, 'root');
      const made = await (
        await context.client()
      ).addAuthority({
        body: {
          name: name![0]!,
          url: text(options, 'url')!,
          provisioner: text(options, 'provisioner')!,
          key: await readFile(text(options, 'key')!, 'utf8'),
          ...(rootFile ? { root: await readFile(rootFile, 'utf8') } : {}),
        },
      });
      show(context.output, made, [['authority', name![0]!]]);
    },
  );
  does(authority.command('list').description('List authorities'), async (context) => {
    const { items } = await (await context.client()).listAuthorities();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (a) => a.name, shrink: true },
        { title: 'URL', of: (a) => a.url, shrink: true },
      ],
      'No authorities yet. How to add one: lastember authority add --help',
    );
  });
  does(authority.command('remove <name>').description('Forget an authority and its key'), async (context, [name]) => {
    await (await context.client()).removeAuthority({ params: { name: name![0]! } });
    show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
  });
}
