/**
 * The agent, with the power cut at the n-th journal record: `crash.ts ROOT N before|after`. A program of its own, so that
 * the cut is a real SIGKILL. For tests only.
 */
import { localHost } from '../../host/local.ts';
import { loadConfig } from '../config.ts';
import { enroll } from '../enroll.ts';
import { CuttingJournal } from '../../host/tasks/testing/cutting-journal.ts';
import { stderrLog } from '../log.ts';
import { runAgent } from '../loop.ts';
import { openPrograms } from '../program.ts';
import { openState } from '../state.ts';

const [root = '', at = '', when = ''] = process.argv.slice(2);

const CONFIG = '/etc/lastember/agent.json';
const host = localHost({ root });
const config = await loadConfig(host, CONFIG);
const state = openState(host, config.stateDir);
const identity = (await state.identity()) ?? (await enroll(host, state, config, CONFIG));
await runAgent({
  host,
  state,
  config,
  identity,
  log: stderrLog,
  signal: new AbortController().signal,
  once: true,
  programs: openPrograms(host, config.stateDir, '0'.repeat(64)),
  running: '0'.repeat(64),
  journal: (path) => new CuttingJournal(path, Number(at), when),
});
