import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the command line takes from the environment: the only place in src/cli that reads it. */
export interface CliEnv {
  server: string | null;
  token: string | null;
  colour: boolean;
  sshAuthSock: string | null;
  /** what a scanner on this machine never touches, besides `--never` */
  scanNever: string[];
  /** with which a scanner starts the first time, where `--token` is not given */
  scannerToken: string | null;
  /** where approver keys are kept by default */
  configDir: string;
  /** what the default data directory is found by */
  directories: NodeJS.ProcessEnv;
}

export function readEnv(env: NodeJS.ProcessEnv = process.env, isTerminal = process.stdout.isTTY === true): CliEnv {
  return {
    server: env['LASTEMBER_SERVER'] || null,
    token: env['LASTEMBER_TOKEN'] || null,
    colour: isTerminal && !env['NO_COLOR'],
    directories: env,
    sshAuthSock: env['SSH_AUTH_SOCK'] || null,
    scanNever: (env['LASTEMBER_SCAN_NEVER'] ?? '').split(/[\s,]+/).filter((text) => text !== ''),
    scannerToken: env['LASTEMBER_SCANNER_TOKEN'] || null,
    configDir: join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || safeHome(), '.config'), 'lastember'),
  };
}

function safeHome(): string {
  try {
    return homedir();
  } catch {
    return process.cwd();
  }
}
