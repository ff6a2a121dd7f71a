import type { Command } from 'commander';
import { ago, list, show } from '../output.ts';
import { pick, short } from '../lookup.ts';
import { collect, does, flag, number, pair, text, texts } from '../run.ts';
import { UsageError } from '../exit.ts';

/** Tokens for agents that are not deployed over SSH. */
export function addTokens(root: Command): void {
  const tokens = root
    .command('enroll-token')
    .description('Tokens for agents that are not deployed over SSH: one line, cloud-init, images');
  does(
    tokens
      .command('create')
      .description('Make a token, and print the one line that installs and enrolls an agent with it')
      .option('--minutes <n>', 'how long it is good for', '60')
      .option('--uses <n>', 'how many hosts may use it', '1')
      .option('--for <network>', 'address or CIDR that the hosts call from')
      .option('--tag <k=v>', 'tag that each of the hosts gets (may be repeated)', collect)
      .option('--cloud-init', 'print user data for cloud-init instead of the line')
      .option('--config', 'print /etc/lastember/agent.json for an image or a package instead of the line'),
    async (context, _, options) => {
      if (flag(options, 'cloudInit') && flag(options, 'config'))
        throw new UsageError('--cloud-init or --config, not both');
      const network = text(options, 'for');
      const made = await (
        await context.client()
      ).createEnrollmentToken({
        body: {
          minutes: number(options, 'minutes') ?? 60,
          uses: number(options, 'uses') ?? 1,
          ...(network ? { for: network } : {}),
          tags: Object.fromEntries(texts(options, 'tag').map((tag) => pair(tag, '--tag'))),
        },
      });
      const { output } = context;
      if (output.json) return show(output, made, []);
      // Only what is to be pasted or redirected goes to standard output.
      const many = made.uses === 1 ? 'one host' : `${made.uses} hosts`;
      output.err(
        `token ${short(made.id)}: for ${many}${made.for ? ` in ${made.for}` : ''}, good until ${made.expiresAt}`,
      );
      if (flag(options, 'cloudInit')) return output.out(made.cloudInit.trimEnd());
      if (flag(options, 'config')) return output.out(made.config.trimEnd());
      output.err('Run this on the host, in a root shell:');
      output.out(made.line);
    },
  );
  does(tokens.command('list').description('Tokens that people made, newest first'), async (context) => {
    const { items } = await (await context.client()).listEnrollmentTokens();
    list(
      context.output,
      items,
      [
        { title: 'TOKEN', of: (t) => short(t.id) },
        { title: 'STATE', of: (t) => t.state },
        { title: 'USED', of: (t) => `${t.used} of ${t.uses}` },
        { title: 'GOOD UNTIL', of: (t) => t.expiresAt },
        { title: 'FOR', of: (t) => t.for ?? 'anywhere', shrink: true },
        {
          title: 'TAGS',
          of: (t) =>
            Object.entries(t.tags)
              .map(([k, v]) => `${k}=${v}`)
              .join(' ') || '–',
          shrink: true,
        },
        { title: 'MADE', of: (t) => ago(t.createdAt), drop: 1 },
      ],
      'No tokens yet. Make one: lastember enroll-token create',
    );
  });
  does(
    tokens.command('revoke <token>').description('Nobody enrolls with it from now on; agents that did stay'),
    async (context, [ref]) => {
      const client = await context.client();
      const token = pick(
        (await client.listEnrollmentTokens()).items,
        ref![0]!,
        'enrollment token',
        'enroll-token list',
      );
      await client.revokeEnrollmentToken({ params: { id: token.id } });
      show(context.output, { revoked: token.id }, [['revoked', token.id]]);
    },
  );
}
