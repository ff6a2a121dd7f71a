import type { DmiFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';

const BY_DMI: [RegExp, string][] = [
  [/vmware/i, 'vmware'],
  [/virtualbox|innotek/i, 'oracle'],
  [/xen/i, 'xen'],
  [/bochs|bhyve/i, 'bhyve'],
  [/qemu|kvm|openstack|google compute engine|amazon ec2|digitalocean|hetzner|red hat/i, 'kvm'],
  [/microsoft corporation virtual machine/i, 'microsoft'],
  [/parallels/i, 'parallels'],
];

/** What it runs on, in the words of systemd-detect-virt, which is asked where there is one: it can ask the processor. */
export async function virtualisation(host: Host, dmi: DmiFacts | null, cpuinfo: string): Promise<string | null> {
  const told = (await detected(host, '--vm')) ?? (await readText(host, '/sys/hypervisor/type', 4096))?.trim();
  if (told) return told;
  const known = dmi === null ? undefined : BY_DMI.find(([pattern]) => pattern.test(signature(dmi)))?.[1];
  if (known !== undefined) return known;
  if (/^flags\s*:.* hypervisor\b/m.test(cpuinfo)) return 'other';
  // Only x86 has that flag; elsewhere its absence says nothing.
  return /^flags\s*:/m.test(cpuinfo) ? 'none' : null;
}

const signature = (dmi: DmiFacts): string => [dmi.vendor, dmi.product, dmi.biosVendor].join(' ');

export async function containerOf(host: Host): Promise<string | null> {
  const told = await detected(host, '--container');
  if (told !== null) return told === 'none' ? null : told;
  const named = (await readText(host, '/run/systemd/container', 4096))?.trim();
  if (named) return named;
  if ((await host.stat('/run/.containerenv')) !== null) return 'podman';
  return (await host.stat('/.dockerenv')) === null ? null : 'docker';
}

async function detected(host: Host, what: '--vm' | '--container'): Promise<string | null> {
  const told = await host.exec(['systemd-detect-virt', what], { timeoutMs: 10_000 }).catch(() => null);
  // It ends with 1 when the answer is none.
  return told && told.code <= 1 && /^[\w-]+\s*$/.test(told.stdout) ? told.stdout.trim() : null;
}
