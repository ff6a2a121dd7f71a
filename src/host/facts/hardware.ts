import type { HardwareFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { readCloud } from '../machine/cloud.ts';
import { readDmi } from '../machine/dmi.ts';
import { containerOf, virtualisation } from '../machine/virtual.ts';
import { cut } from '../text.ts';
import type { FactSection } from './look.ts';

/** The machine below the system, real or virtual. Nothing is asked over the network. */
export const hardware: FactSection<'hardware'> = {
  name: 'hardware',
  version: 1,
  async collect({ host, kept }): Promise<HardwareFacts> {
    const cpuinfo = (await readText(host, '/proc/cpuinfo')) ?? '';
    const meminfo = (await readText(host, '/proc/meminfo')) ?? '';
    const kib = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1];
    const dmi = await readDmi(host);
    return {
      cpu: {
        model: field(cpuinfo, 'model name') ?? field(cpuinfo, 'Model') ?? field(cpuinfo, 'cpu model'),
        vendor: field(cpuinfo, 'vendor_id') ?? field(cpuinfo, 'CPU implementer'),
        count: cpuinfo.match(/^processor\s*:/gm)?.length ?? 0,
        microcode: field(cpuinfo, 'microcode'),
      },
      memoryMiB: kib === undefined ? null : Math.round(Number(kib) / 1024),
      dmi,
      ...(await kept('virtual', await boot(host), async () => ({
        virtualisation: await virtualisation(host, dmi, cpuinfo),
        container: await containerOf(host),
      }))),
      cloud: await readCloud(host, dmi),
    };
  },
};

/** A machine that is moved to another kind of host does not go on running. Where it has no boot, it is asked each time. */
const boot = async (host: Host): Promise<string> =>
  (await readText(host, '/proc/sys/kernel/random/boot_id', 4096)) ?? new Date().toISOString();

function field(text: string, name: string): string | null {
  const value = new RegExp(String.raw`^${name}[ \t]*:(.*)$`, 'm').exec(text)?.[1] ?? '';
  return cut(value.trim(), 300) || null;
}
