import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parse } from 'yaml';
import type { Client } from '../../client/client.ts';
import { PolicyInput } from '../../model/policy.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit.ts';
import { count, list, show } from '../output.ts';
import { does, flag } from '../run.ts';

type Preview = Awaited<ReturnType<Client['previewPolicies']>>;
type Listed = Awaited<ReturnType<Client['listPolicies']>>;

export function addPolicies(root: Command): void {
  const policies = root.command('policies').description('Which checks which hosts are held to, how bad, and how soon');
  does(policies.command('list').description('Profiles and policies, and how many hosts each is for'), listAll);
  does(policies.command('show <name>').description('One policy or profile in full'), showOne);
  addSetting(policies);
  does(
    policies
      .command('remove <name>')
      .description('Hold no host to this policy any more; what only it asked for is closed as not applicable')
      .option('--profile', 'it is a profile, which no policy may use any more'),
    async (context, [name], options) => {
      const client = await context.client();
      const params = { name: name![0]! };
      const done = flag(options, 'profile')
        ? await client.removeProfile({ params })
        : await client.removePolicy({ params });
      said(context, done, 'removed');
    },
  );
}

function addSetting(policies: Command): void {
  does(
    policies
      .command('set <file>')
      .description('Set the profiles and policies of a file (YAML or JSON; - for standard input); others stay')
      .option('--dry-run', 'only say which hosts and checks would change'),
    (context, [file], options) => send(context, file![0]!, { keep: true, dry: flag(options, 'dryRun') }),
  );
  does(
    policies
      .command('apply <file>')
      .description('Make it exactly as in the file: whatever is not in it is removed')
      .option('--dry-run', 'only say which hosts and checks would change'),
    (context, [file], options) => send(context, file![0]!, { keep: false, dry: flag(options, 'dryRun') }),
  );
}

async function send(context: Context, file: string, how: { keep: boolean; dry: boolean }): Promise<void> {
  const body = { ...(await readInput(file)), keep: how.keep };
  const client = await context.client();
  if (how.dry) return said(context, await client.previewPolicies({ body }), 'would change');
  said(context, await client.setPolicies({ body }), 'set');
}

/** Read here as the server reads it, so that what is wrong is told with its place in the file. */
async function readInput(file: string): Promise<PolicyInput> {
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`);
  });
  let given: unknown;
  try {
    given = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new UsageError(`${file} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  const read = PolicyInput.safeParse(given ?? {});
  if (read.success) return read.data;
  const issue = read.error.issues[0]!;
  const at = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new UsageError(`${file} cannot be taken: ${at}${issue.message}`);
}

function said({ output }: Context, done: Preview, verb: string): void {
  if (output.json) return output.out(JSON.stringify(done, null, 2));
  const rows = done.effects;
  list(
    output,
    rows,
    [
      { title: 'HOST', of: (e) => e.hostName, shrink: true },
      {
        title: 'POLICIES',
        of: (e) => `${e.before.join(', ') || 'as shipped'} → ${e.after.join(', ') || 'as shipped'}`,
        shrink: true,
      },
      { title: 'CHECKS', of: (e) => `+${e.added.length} −${e.removed.length} ~${e.changed.length}` },
      { title: 'WHICH', of: which, shrink: true, drop: 1 },
    ],
    'Nothing changes on any host.',
  );
  if (done.more > 0) output.out(`… and ${count(done.more, 'more host')}`);
  output.out(
    `${verb}: ${count(done.hosts, 'host')}; ${count(done.closes, 'finding')} ${verb === 'would change' ? 'would be' : done.closes === 1 ? 'is' : 'are'} closed as not applicable by policy`,
  );
}

const MOST_NAMED = 4;

function which({ added, removed, changed }: Preview['effects'][number]): string {
  const all = [
    ...removed.map((ref) => `−${ref}`),
    ...added.map((ref) => `+${ref}`),
    ...changed.map((ref) => `~${ref}`),
  ];
  return all.length > MOST_NAMED ? `${all.slice(0, MOST_NAMED).join(' ')} …` : all.join(' ');
}

async function listAll(context: Context): Promise<void> {
  const found = await (await context.client()).listPolicies();
  if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
  list(
    context.output,
    found.policies,
    [
      { title: 'POLICY', of: (p) => p.name },
      { title: 'HOSTS', of: (p) => p.hosts, shrink: true },
      { title: 'MATCHES', of: (p) => String(p.matches) },
      { title: 'PROFILE', of: (p) => p.profile },
    ],
    'No policies: every kit applies to every host, and nothing has a time limit. Set some: lastember policies set FILE',
  );
  if (found.policies.length > 0 && found.unbound > 0)
    context.output.out(`${count(found.unbound, 'host')} without a policy: every kit applies there`);
  if (found.profiles.length === 0) return;
  context.output.out('');
  list(
    context.output,
    found.profiles,
    [
      { title: 'PROFILE', of: (p) => p.name },
      { title: 'CHECKS', of: (p) => String(p.checks) },
      { title: 'SLA', of: sla },
      { title: 'TITLE', of: (p) => p.title, shrink: true },
    ],
    '',
  );
}

const sla = ({ slaDays }: Listed['profiles'][number]): string =>
  Object.entries(slaDays)
    .map(([severity, days]) => `${severity} ${days} d`)
    .join(', ') || 'none';

async function showOne(context: Context, [name]: string[][]): Promise<void> {
  const { profiles, policies } = await (await context.client()).listPolicies();
  const policy = policies.find((one) => one.name === name![0]!);
  const profile = profiles.find((one) => one.name === (policy?.profile ?? name![0]!));
  if (!profile)
    throw new UsageError(`there is no policy or profile "${name![0]!}"; list them with \`lastember policies list\``);
  const users = policies.filter((one) => one.profile === profile.name).map((one) => one.name);
  show(context.output, policy ? { policy, profile } : { profile, policies: users }, [
    ...(policy
      ? ([
          ['policy', policy.name],
          ['hosts', `${policy.hosts} (${count(policy.matches, 'host')} now)`],
        ] as [string, string][])
      : ([['used by', users.join(', ') || 'no policy']] as [string, string][])),
    ['profile', [profile.name, profile.title].filter(Boolean).join(': ')],
    ['checks', String(profile.checks)],
    ['include', profile.include?.join(', ') ?? 'all'],
    ['exclude', profile.exclude.join(', ') || 'none'],
    [
      'severity',
      Object.entries(profile.severity)
        .map(([ref, severity]) => `${ref} ${severity}`)
        .join(', ') || 'as the kits say',
    ],
    ['SLA', sla(profile)],
  ]);
}
