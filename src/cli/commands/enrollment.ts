import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, progress, show } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { deployFrom } from '../deploy-from.ts';
import { onceBody, onceLogin } from '../once-login.ts';
import { hostIdOf, pick, short } from '../lookup.ts';
import { collect, does, flag, pair, text, texts, type Options } from '../run.ts';

export function addEnrollment(root: Command): void {
  addCredential(root);
  addDeploy(root);
  addAccess(root);
  const agents = root.command('agents').description('Agents, their versions and when they last reported');
  does(agents, async (context) => {
    const client = await context.client();
    const [{ items }, hosts] = await Promise.all([client.listAgents(), client.listHosts()]);
    const nameOf = namer(hosts.items);
    list(
      context.output,
      items,
      [
        { title: 'HOST', of: (a) => nameOf(a.hostId), shrink: true },
        { title: 'STATE', of: (a) => a.state },
        { title: 'VERSION', of: (a) => a.version },
        { title: 'LAST REPORT', of: (a) => ago(a.lastCheckIn) },
        { title: 'APPROVERS', of: (a) => String(a.approverKeyIds.length), drop: 1 },
        { title: 'ID', of: (a) => short(a.id) },
        { title: 'PROBLEM', of: (a) => a.problem ?? '', shrink: true },
      ],
      'No agents yet. Deploy some: lastember deploy --unknown',
    );
  });
  does(
    agents.command('revoke <id>').description('Refuse an agent from now on').requiredOption('--reason <text>', 'why'),
    async (context, [id], options) => {
      const client = await context.client();
      const agent = pick((await client.listAgents()).items, id![0]!, 'agent', 'agents');
      await client.revokeAgent({ params: { id: agent.id }, body: { reason: text(options, 'reason')! } });
      show(context.output, { revoked: agent.id }, [['revoked', agent.id]]);
    },
  );
}

/** A record that is gone, as after a machine was rebuilt, is said to be, and can still be told from another. */
function namer(hosts: readonly { id: string; name: string }[]): (id: string) => string {
  const names = new Map(hosts.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? `gone (was ${short(id)})`;
}

function addCredential(root: Command): void {
  const credential = root
    .command('credential')
    .description('Logins for hosts without an agent; secrets are never shown again');
  does(
    credential
      .command('add <name>')
      .description('Store a login; the password is asked for unless a key is given')
      .requiredOption('--user <name>', 'user to log in as')
      .option('--key-file <file>', 'private key instead of a password')
      .option('--password-file <file>', 'read the password from a file (- for standard input)')
      .option('--passphrase-file <file>', 'passphrase of the key')
      .addOption(
        new Option('--become <how>', 'how the login becomes root, if it is not root').choices(['sudo', 'doas']),
      )
      .option('--become-password-file <file>', 'password for sudo, if it is not that of the login')
      .option('--via <login@host>', 'bastion to go through: a login that is stored already, and the host it is for')
      .option('--for <where>', 'address, CIDR, host or tag (k=v) it may be used for (may be repeated)', collect),
    async (context, [name], options) => {
      const bound = texts(options, 'for');
      const base = {
        name: name![0]!,
        username: text(options, 'user')!,
        ...(bound.length ? { for: bound } : {}),
        ...viaFrom(options),
        ...(await becomeFrom(options)),
      };
      const keyFile = text(options, 'keyFile');
      const passphrase = text(options, 'passphraseFile');
      const body = keyFile
        ? {
            kind: 'private-key' as const,
            ...base,
            privateKey: await readFile(keyFile, 'utf8'),
            ...(passphrase ? { passphrase: await secretFrom(passphrase) } : {}),
          }
        : {
            kind: 'password' as const,
            ...base,
            password: text(options, 'passwordFile')
              ? await secretFrom(text(options, 'passwordFile')!)
              : await askSecret(`Password of ${base.username}: `),
          };
      const made = await (await context.client()).addCredential({ body });
      show(context.output, made, [
        ['credential', made.name],
        ['user', made.username],
        ['kind', made.kind],
        ['becomes', made.become ? `root by ${made.become}` : '–'],
        ['for', whereOf(made)],
        ['through', made.via ?? '–'],
      ]);
    },
  );
  does(credential.command('list').description('List logins'), async (context) => {
    const { items } = await (await context.client()).listCredentials();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (c) => c.name, shrink: true },
        { title: 'USER', of: (c) => c.username, shrink: true },
        { title: 'KIND', of: (c) => c.kind },
        { title: 'BECOMES', of: (c) => (c.become ? `root by ${c.become}` : '–') },
        { title: 'FOR', of: (c) => whereOf(c), shrink: true },
        { title: 'THROUGH', of: (c) => c.via ?? '–', shrink: true, drop: 2 },
        { title: 'ADDED', of: (c) => `${ago(c.createdAt)} by ${c.createdBy}`, shrink: true, drop: 1 },
      ],
      'No credentials yet. How to add one: lastember credential add --help',
    );
  });
  does(credential.command('remove <name>').description('Forget a login and its secret'), async (context, [name]) => {
    await (await context.client()).removeCredential({ params: { name: name![0]! } });
    show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
  });
}

/** Where a login is tried without being named. */
const whereOf = (credential: { triedUnnamed: boolean; for: string[] }): string =>
  credential.for.join(', ') || (credential.triedUnnamed ? 'everywhere' : 'where it is named');

function viaFrom(options: Options): { via?: { credential: string; host: string } } {
  const via = text(options, 'via');
  if (via === undefined) return {};
  const [, credential, host] = /^([^@]+)@(.+)$/.exec(via) ?? [];
  if (!credential || !host) throw new UsageError(`--via ${via}: give a stored login and a host, as in ops@bastion-1`);
  return { via: { credential, host } };
}

async function becomeFrom(options: Options): Promise<{ become?: 'sudo' | 'doas'; becomePassword?: string }> {
  const how = text(options, 'become') as 'sudo' | 'doas' | undefined;
  const file = text(options, 'becomePasswordFile');
  if (file && how !== 'sudo') throw new UsageError('--become-password-file goes with --become sudo');
  return { ...(how ? { become: how } : {}), ...(file ? { becomePassword: await secretFrom(file) } : {}) };
}

function addAccess(root: Command): void {
  const access = root.command('access').description('Hosts that are looked after over SSH, without an agent');
  does(access.command('list').description('How their last looks went'), async (context) => {
    const client = await context.client();
    const [{ items }, hosts] = await Promise.all([client.listAccess(), client.listHosts()]);
    const nameOf = namer(hosts.items);
    list(
      context.output,
      items,
      [
        { title: 'HOST', of: (a) => nameOf(a.hostId), shrink: true },
        { title: 'LOGIN', of: (a) => a.credential, shrink: true },
        { title: 'LAST LOOK', of: (a) => ago(a.lastLook) },
        { title: 'SINCE', of: (a) => `${ago(a.since)} by ${a.createdBy}`, shrink: true, drop: 1 },
        { title: 'WHY NOT', of: (a) => a.lastError ?? '', shrink: true },
      ],
      'No host is looked after over SSH. Begin with: lastember deploy --agentless HOST',
    );
  });
  does(
    access.command('end <host>').description('Look after this host over SSH no more; what is known of it stays'),
    async (context, [host]) => {
      const client = await context.client();
      const hostId = await hostIdOf(client, host![0]!);
      await client.endAccess({ params: { hostId } });
      show(context.output, { ended: hostId }, [['ended', host![0]!]]);
    },
  );
}

async function secretFrom(file: string): Promise<string> {
  const content = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  return content.replace(/\r?\n$/, '');
}

function addDeploy(root: Command): void {
  does(
    root
      .command('deploy [host...]')
      .description('Install the agent on hosts over SSH')
      .option('--unknown', 'every host without an agent that was not set aside')
      .option('--tag <k=v>', 'every host with this tag')
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
      .option('--list', 'list past deployments'),
    async (context, [hosts], options) => {
      const client = await context.client();
      if (flag(options, 'list')) return listDeployments(context, client);
      if (text(options, 'from')) return deployFrom(context, client, options, (id) => follow(context, client, id));
      const names = hosts ?? [];
      const tag = text(options, 'tag') ? pair(text(options, 'tag')!, '--tag') : null;
      if (names.length === 0 && !flag(options, 'unknown') && !tag)
        throw new UsageError('name hosts, or use --unknown or --tag');
      const credentials = texts(options, 'credential');
      const hostIds = await Promise.all(names.map((name) => hostIdOf(client, name)));
      const once = await onceLogin(options);
      const started = once
        ? await client.deployOnce({ body: onceBody(once, hostIds, options) })
        : await client.createDeployment({
            body: {
              ...(names.length ? { hostIds } : {}),
              unknown: flag(options, 'unknown'),
              ...(tag ? { tag: { key: tag[0], value: tag[1] } } : {}),
              ...(credentials.length ? { credentials } : {}),
              force: flag(options, 'force'),
              agentless: flag(options, 'agentless'),
              acceptHostKey: flag(options, 'acceptHostKey'),
            },
          });
      showDeployment(context, await follow(context, client, started.id));
    },
  );
}

function showDeployment(context: Context, done: Awaited<ReturnType<Client['getDeployment']>>): void {
  list(
    context.output,
    done.hosts,
    [
      { title: 'HOST', of: (h) => h.hostName, shrink: true },
      { title: 'RESULT', of: (h) => h.state },
      { title: 'LOGIN', of: (h) => h.credential ?? '–' },
      { title: 'WHY', of: (h) => h.why ?? '', shrink: true },
    ],
    'No hosts.',
  );
  if (done.hosts.some((host) => host.state === 'failed')) throw new Exit(EXIT.negative);
}

async function follow(
  context: Context,
  client: Client,
  id: string,
): Promise<Awaited<ReturnType<Client['getDeployment']>>> {
  const bar = progress(context.output);
  for (;;) {
    const deployment = await client.getDeployment({ params: { id } });
    const count = (state: string): number => deployment.hosts.filter((host) => host.state === state).length;
    bar.at(
      `deploying: ${count('done')} done, ${count('running')} running, ${count('waiting')} waiting, ${count('failed')} failed`,
    );
    if (deployment.state === 'done') {
      bar.done();
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
      { title: 'STATE', of: (d) => d.state },
      { title: 'STARTED', of: (d) => `${ago(d.createdAt)} by ${d.createdBy}`, shrink: true },
      { title: 'HOSTS', of: (d) => `${d.hosts.filter((h) => h.state === 'done').length} of ${d.hosts.length}` },
    ],
    'No deployments yet.',
  );
}
