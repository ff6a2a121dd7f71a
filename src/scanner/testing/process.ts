/** A scanner as a process of its own, for tests that kill it: enrols with a token and works until it is ended. */
import { stderrLog } from '../../agent/log.ts';
import { runScanner, type ScannerOptions } from '../run.ts';

const given = JSON.parse(process.argv[2]!) as Omit<ScannerOptions, 'log' | 'signal' | 'version'>;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
await runScanner({ ...given, version: '0.1.0', log: stderrLog, signal: stop.signal }).catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 4;
});
