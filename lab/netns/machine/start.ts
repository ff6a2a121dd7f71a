/** Starts a host that is a machine of its own, and waits until its SSH server answers. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../command.ts';
import { TAP } from '../network.ts';
import { hostDir, MARK, markOf, namespaceOf, netnsPath, type Place } from '../place.ts';
import { addressOf, type HostSpec } from '../spec.ts';
import { findInit, untilUp } from '../start.ts';
import { diskOf, makeDisk } from './image.ts';
import { hasKvm, QEMU } from './why-not.ts';

const START_MS = 240_000;
/** What Debian asks for and no more: QEMU 7.2 plays newer instructions (AVX2) wrongly, and then nothing can be mounted. */
const PLAYED = 'qemu64,svm=off';

export const readyPath = (place: Place, host: string): string => join(hostDir(place, host), 'ready');

export async function startMachine(place: Place, spec: HostSpec, lower: readonly string[]): Promise<number> {
  const { name } = spec;
  await makeDisk(place, spec, lower);
  const dir = hostDir(place, name);
  const log = openSync(join(dir, 'console.log'), 'a', 0o600);
  const net = `--net=${netnsPath(namespaceOf(place, name))}`;
  // The first process of a namespace, as in any other host: the lab finds it by that, and nothing outlives it.
  const unshare = 'unshare --fork --pid --kill-child=SIGKILL'.split(' ');
  const child = spawn('nsenter', [net, ...unshare, QEMU, ...machine(place, spec)], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] ?? '', [MARK]: markOf(place, `host:${name}`) },
  });
  closeSync(log);
  return untilUp(child, { name, dir, ms: START_MS, everyMs: 250 }, async () => {
    const pid = findInit(place, name);
    if (pid === null || !(await answers(place, spec))) return null;
    writeFileSync(readyPath(place, name), '');
    return pid;
  });
}

/** A computer with a disk, a network card and a serial line, and nothing of this machine in it. */
function machine(place: Place, spec: HostSpec): string[] {
  const number = spec.legs[0]!.number.toString(16).padStart(2, '0');
  const kvm = hasKvm(process.env);
  return [
    '-nodefaults -no-user-config -display none -serial stdio -m 768 -sandbox on'.split(' '),
    // Processors that are played wait for each other more than they work.
    ['-name', spec.name, '-smp', kvm ? '2' : '1'],
    ['-machine', `pc,accel=${kvm ? 'kvm' : 'tcg'}`, '-cpu', kvm ? 'host' : PLAYED],
    // The disk goes with the lab: nothing on it has to outlive a power cut of this machine.
    ['-drive', `file=${diskOf(place, spec.name)},format=raw,if=virtio,cache=unsafe`],
    ['-netdev', `tap,id=leg,ifname=${TAP},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=leg,mac=52:54:00:3d:00:${number},romfile=`],
    ['-device', 'virtio-rng-pci'],
  ].flat();
}

async function answers(place: Place, spec: HostSpec): Promise<boolean> {
  const ask = `exec 3<>/dev/tcp/${addressOf(spec)}/22 && read -r -t 5 line <&3 && [[ $line == SSH-2.0-* ]]`;
  const { code } = await run(['nsenter', `--net=${netnsPath(place.name)}`, 'timeout', '10', 'bash', '-c', ask], {
    env: { [MARK]: markOf(place, `asking ${spec.name}`) },
  });
  return code === 0;
}
