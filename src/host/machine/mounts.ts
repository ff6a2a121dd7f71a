import type { MountFact } from '../../model/facts.ts';
import { masked } from '../masked.ts';

/** They come and go with sessions, containers, snaps and reads, and say nothing about how the host is set up. */
const PASSING =
  /^\/(?:run\/user\/|run\/credentials\/|run\/docker\/|run\/netns\/|run\/containerd\/|var\/lib\/(?:docker|containers|containerd|kubelet|lxcfs)\/|proc\/sys\/fs\/binfmt_misc$|snap\/)/;
const KERNEL_ONLY = new Set(['nsfs', 'autofs', 'rpc_pipefs']);
/** Layers of an overlay: paths of hundreds of bytes. `size` and the like follow the memory. */
const LAYERS = /^(?:lowerdir|upperdir|workdir|fd|pgrp|timeout|pipe_ino|nr_inodes)=/;

/** /proc/mounts; of several at one place the last one counts, it hides the others. */
export function parseMounts(text: string): MountFact[] {
  const found = new Map<string, MountFact>();
  for (const line of text.split('\n')) {
    const [source, target, type, options] = line.split(' ').map(unescaped);
    if (source === undefined || target === undefined || type === undefined || options === undefined) continue;
    if (PASSING.test(target) || KERNEL_ONLY.has(type)) continue;
    const kept = options.split(',').filter((option) => !LAYERS.test(option));
    found.set(target, { target, source: masked(source), type, options: kept.map(masked).sort() });
  }
  return [...found.values()];
}

/** The kernel writes blanks, tabs, newlines and backslashes as octal numbers. */
export const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
