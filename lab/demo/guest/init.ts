/**
 * One demo host's first process: its service manager, its SSH server and the keeper of its /proc. Started by the
 * estate with the machine's description; ends, with everything it started, when its standard input closes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './machine.ts';
import { apt } from './apt.ts';
import { listenControl } from './control.ts';
import { keepProc, processTree } from './proc.ts';
import { createServices } from './services.ts';
import { writeSockets } from '../sockets.ts';
import { createSshd } from './sshd.ts';
import { systemctl } from './systemctl.ts';

const machine = JSON.parse(process.argv[2] ?? '') as Machine;
process.chdir(machine.root);
process.umask(0o022);

const proc = keepProc(machine);
const services = createServices(machine, { 'ssh.service': createSshd(machine) }, () => {
  proc.refresh();
  writeSockets([machine]);
});
listenControl(async (command, argv) =>
  command === 'systemctl' ? systemctl(machine, services, argv) : apt(command, argv),
);

let stopping = false;
async function powerOff(orderly: boolean): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (orderly) await Promise.race([services.stopAll(), new Promise((resolve) => setTimeout(resolve, 3000))]);
  proc.stop();
  const below = (): number[] => processTree(process.pid).slice(1);
  for (const pid of below().reverse()) kill(pid);
  // Who waits for us may count on it that they are gone.
  for (let tries = 0; tries < 100 && below().length > 0; tries += 1) await sleep(10);
  process.exit(0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

// The estate holds the other end: it is closed by `stop`, by Ctrl-C, and by the kernel when the estate is killed.
process.stdin.resume().on('close', () => void powerOff(false));
process.on('SIGTERM', () => void powerOff(true));
process.on('SIGINT', () => {});

try {
  for (const unit of services.units()) {
    const reply = await systemctl(machine, services, ['is-enabled', unit.name]);
    if (reply.stdout === 'enabled\n') await services.start(unit);
  }
  process.stdout.write('up\n');
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  await powerOff(false);
}
