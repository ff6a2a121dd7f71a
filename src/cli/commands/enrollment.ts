import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { readEnv } from '../env.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { hostIdOf, pick, short } from '../lookup.ts';
import { collect, does, text, texts, type Options } from '../run.ts';

export function addEnrollment(root: Command): void {
  addCredential(root);
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
      .option('--ssh-agent [socket]', 'use the keys of an ssh-agent on the server’s machine (default: $SSH_AUTH_SOCK)')
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
      const socket = socketFrom(options);
      const passphrase = text(options, 'passphraseFile');
      const body = socket
        ? { kind: 'ssh-agent' as const, ...base, socket }
        : keyFile
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

function socketFrom(options: Options): string | undefined {
  const given = options['sshAgent'];
  if (given === undefined) return undefined;
  const socket = typeof given === 'string' ? given : readEnv().sshAuthSock;
  if (!socket) throw new UsageError('--ssh-agent: SSH_AUTH_SOCK is not set; give the path of the agent’s socket');
  if (text(options, 'keyFile') || text(options, 'passwordFile'))
    throw new UsageError('--ssh-agent goes without --key-file and --password-file');
  return resolve(socket);
}

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
        { title: 'CHANGED OVER SSH', of: (a) => (a.approverKeyIds.length > 0 ? 'yes' : 'no: adopt it again') },
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
