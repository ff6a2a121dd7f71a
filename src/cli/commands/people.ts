import { createHash, generateKeyPairSync } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Role } from '../../model/actor.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { askSecret } from '../prompt.ts';
import type { Context } from '../context.ts';
import { pick, short } from '../lookup.ts';
import { does, flag, number, text, type Options } from '../run.ts';

const ROLES: readonly Role[] = ['viewer', 'operator', 'approver', 'admin'];

function roleOf(options: Options): Role | undefined {
  const role = text(options, 'role');
  if (role === undefined) return undefined;
  if (!(ROLES as readonly string[]).includes(role)) throw new UsageError(`--role takes ${ROLES.join(', ')}`);
  return role as Role;
}

export function addPeople(root: Command): void {
  addUser(root);
  addToken(root);
  addKey(root);
}

function addUser(root: Command): void {
  const user = root.command('user').description('People and what they may do');
  does(
    user
      .command('add <name>')
      .description('Add a person; prints a one-time sign-in link')
      .requiredOption('--role <role>', ROLES.join(', '))
      .option('--password', 'ask for a password now'),
    async (context, [name], options) => {
      const client = await context.client();
      const password = flag(options, 'password') ? await askSecret(`Password of ${name![0]}: `) : undefined;
      const made = await client.addUser({
        body: { name: name![0]!, role: roleOf(options)!, ...(password ? { password } : {}) },
      });
      const link = await client.makeUserLink({ params: { name: made.name } });
      const address = await signInAddress(context, link.code);
      show(context.output, { ...made, link: address }, [
        ['person', made.name],
        ['role', made.role],
        ['sign in', address],
      ]);
    },
  );
  does(user.command('list').description('List people'), async (context) => {
    const { items } = await (await context.client()).listUsers();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (p) => p.name, shrink: true },
        { title: 'ROLE', of: (p) => p.role },
        { title: 'STATE', of: (p) => (p.disabled ? 'disabled' : 'active') },
        { title: 'SINCE', of: (p) => ago(p.createdAt) },
      ],
      'Nobody yet.',
    );
  });
  does(
    user
      .command('change <name>')
      .description('Change role or password, disable or enable')
      .option('--role <role>', ROLES.join(', '))
      .option('--password', 'ask for a new password')
      .option('--disable', 'refuse from now on')
      .option('--enable', 'allow again'),
    async (context, [name], options) => {
      const role = roleOf(options);
      const password = flag(options, 'password') ? await askSecret(`New password of ${name![0]}: `) : undefined;
      const disabled = flag(options, 'disable') ? true : flag(options, 'enable') ? false : undefined;
      const changed = await (
        await context.client()
      ).changeUser({
        params: { name: name![0]! },
        body: {
          ...(role ? { role } : {}),
          ...(password ? { password } : {}),
          ...(disabled === undefined ? {} : { disabled }),
        },
      });
      show(context.output, changed, [
        ['person', changed.name],
        ['role', changed.role],
        ['state', changed.disabled ? 'disabled' : 'active'],
      ]);
    },
  );
  does(user.command('link <name>').description('A new one-time sign-in link'), async (context, [name]) => {
    const link = await (await context.client()).makeUserLink({ params: { name: name![0]! } });
    const address = await signInAddress(context, link.code);
    show(context.output, { link: address, expiresAt: link.expiresAt }, [
      ['sign in', address],
      ['until', link.expiresAt],
    ]);
  });
}

async function signInAddress(context: Context, code: string): Promise<string> {
  return `${(await context.connection()).baseUrl}/sign-in#code=${code}`;
}

function addToken(root: Command): void {
  const token = root.command('token').description('API tokens');
  does(
    token
      .command('add <name>')
      .description('Make a token; it is shown once')
      .option('--role <role>', 'at most your own (default)')
      .option('--user <person>', 'for somebody else (administrators)')
      .option('--days <n>', 'good for so many days', '90'),
    async (context, [name], options) => {
      const role = roleOf(options);
      const user = text(options, 'user');
      const made = await (
        await context.client()
      ).addToken({
        body: {
          name: name![0]!,
          days: number(options, 'days') ?? null,
          ...(role ? { role } : {}),
          ...(user ? { user } : {}),
        },
      });
      show(context.output, made, [
        ['id', made.id],
        ['token', made.secret],
        ['use it', 'LASTEMBER_TOKEN=… lastember status'],
      ]);
    },
  );
  does(token.command('list').description('List tokens; never their secrets'), async (context) => {
    const { items } = await (await context.client()).listTokens();
    list(
      context.output,
      items,
      [
        { title: 'ID', of: (t) => short(t.id) },
        { title: 'NAME', of: (t) => t.name, shrink: true },
        { title: 'PERSON', of: (t) => t.person, shrink: true },
        { title: 'ROLE', of: (t) => t.role },
        { title: 'STATE', of: (t) => tokenState(t) },
        { title: 'LAST USED', of: (t) => ago(t.lastUsedAt) },
      ],
      'No tokens.',
    );
  });
  does(token.command('revoke <id>').description('End a token'), async (context, [id]) => {
    const client = await context.client();
    const live = (await client.listTokens()).items.filter((one) => !one.revoked);
    const found = pick(live, id![0]!, 'live token', 'token list');
    await client.revokeToken({ params: { id: found.id } });
    show(context.output, { revoked: found.id }, [['revoked', `${found.name} (${found.id})`]]);
  });
}

function tokenState(token: { revoked: boolean; expiresAt: string | null }): string {
  if (token.revoked) return 'revoked';
  return token.expiresAt && new Date(token.expiresAt) < new Date() ? 'expired' : 'live';
}

/** Whoever has no token of their own is the administrator that this machine's data directory makes them. */
function ownerOf({ personName }: { personName: string }, { env }: Context): string {
  return env.token
    ? personName
    : `${personName}: LASTEMBER_TOKEN is not set, so this is a key of this machine’s administrator, not of your own name`;
}

function addKey(root: Command): void {
  const key = root.command('key').description('Approver keys: the private half stays with its owner');
  does(
    key
      .command('new <name>')
      .description('Make an approver key here and register its public half')
      .option('--out <file>', 'where the private key goes (default: keys/NAME.pem in ~/.config/lastember)'),
    async (context, [name], options) => {
      if (!/^[\w.@-]{1,60}$/.test(name![0]!)) throw new UsageError('a key’s name takes letters, digits and . _ @ -');
      const file = text(options, 'out') ?? join(context.env.configDir, 'keys', `${name![0]!}.pem`);
      if (
        await access(file).then(
          () => true,
          () => false,
        )
      )
        throw new UsageError(`${file} exists already; choose another name or --out`);
      const client = await context.client();
      const { publicKey, privateKey } = generateKeyPairSync('ed25519');
      const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' });
      const made = await client
        .addKey({ body: { name: name![0]!, publicKey: raw.toString('base64') } })
        .catch(async (error: unknown) => {
          // A key that the server does not know is of no use, and its name would be taken.
          await rm(file);
          throw error;
        });
      show(context.output, { ...made, file }, [
        ['key', made.keyId],
        ['of', ownerOf(made, context)],
        ['private half', file],
        ['fingerprint', createHash('sha256').update(raw).digest('hex')],
      ]);
    },
  );
  does(key.command('list').description('List approver keys'), async (context) => {
    const { items } = await (await context.client()).listKeys();
    list(
      context.output,
      items,
      [
        { title: 'KEY', of: (k) => k.keyId },
        { title: 'NAME', of: (k) => k.name, shrink: true },
        { title: 'PERSON', of: (k) => k.personName, shrink: true },
        { title: 'STATE', of: (k) => (k.revoked ? 'revoked' : 'live') },
        { title: 'SINCE', of: (k) => ago(k.createdAt) },
      ],
      'No approver keys. An approver makes one with: lastember key new NAME',
    );
  });
  does(
    key.command('revoke <keyId>').description('End a key; approvals it gave stay on the trail'),
    async (context, [keyId]) => {
      await (await context.client()).revokeKey({ params: { keyId: keyId![0]! } });
      show(context.output, { revoked: keyId![0]! }, [['revoked', keyId![0]!]]);
    },
  );
}
