import { CommanderError } from 'commander';
import { Unreachable } from '../client/client.ts';
import { NotToSign } from '../client/plan-to-sign.ts';
import { exitCodeOf, Exit, EXIT, inWords, UsageError } from './exit.ts';
import { harmless } from './output.ts';
import { program } from './program.ts';

/** Runs one command. Errors are one line for people, one object with `--json`; the exit code follows the contract. */
async function main(argv: string[]): Promise<number> {
  try {
    await program().parseAsync(argv);
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    report(error, argv.includes('--json'));
    return exitCodeOf(error);
  }
}

/** Errors of this program itself: scripts branch on these, too. */
function codeOf(error: unknown): string {
  if (error instanceof Unreachable) return 'SERVER_UNREACHABLE';
  if (error instanceof NotToSign) return 'NOT_SIGNED';
  return error instanceof UsageError ? 'USAGE' : 'ERROR';
}

function report(error: unknown, json: boolean): void {
  const { code } = error as { code?: string };
  const message = inWords(error);
  if (json) process.stderr.write(`${JSON.stringify({ error: { code: code ?? codeOf(error), message } })}\n`);
  else process.stderr.write(`lastember: ${harmless(message)}\n`);
  // A defect of ours: where, for whoever reports it.
  if (exitCodeOf(error) === EXIT.broken) process.stderr.write(`${(error as Error).stack ?? ''}\n`);
}

/**
 * Whoever reads what is written may go away (`| head`): results that nobody reads are not worth going on for, messages
 * are. A server that was started here runs on.
 */
function mindReaders(): void {
  const gone = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
  };
  process.stderr.on('error', gone);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    gone(error);
    if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT.unread);
  });
}

mindReaders();
process.exitCode = await main(process.argv);
