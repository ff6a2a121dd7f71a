import { SourceKind, type SourceKindInfo } from '../../../model/source.ts';
import { ansible } from './ansible.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { bill } from './bill.ts';
import { certificateLog } from './certificate-log.ts';
import type { SourceMember } from './contract.ts';
import { dhcp } from './dhcp.ts';
import { digitalocean } from './digitalocean.ts';
import { dns } from './dns.ts';
import { docker } from './docker.ts';
import { flows } from './flows.ts';
import { gcp } from './gcp.ts';
import { hetzner } from './hetzner.ts';
import { kea } from './kea.ts';
import { knownHosts } from './known-hosts.ts';
import { kubernetes } from './kubernetes.ts';
import { libvirt } from './libvirt.ts';
import { netbox } from './netbox.ts';
import { proxmox } from './proxmox.ts';
import { snmp } from './snmp/index.ts';
import { vsphere } from './vsphere.ts';

/** Every source besides our own looks; a missing one does not compile. */
export const SOURCES: Readonly<Record<SourceKind, SourceMember>> = {
  ansible,
  aws,
  azure,
  bill,
  'certificate-log': certificateLog,
  dhcp,
  digitalocean,
  dns,
  docker,
  flows,
  gcp,
  hetzner,
  kea,
  'known-hosts': knownHosts,
  kubernetes,
  libvirt,
  netbox,
  proxmox,
  snmp,
  vsphere,
};

export const sourceKinds = (): SourceKindInfo[] =>
  SourceKind.options.map((kind) => {
    const { title, needs, isList, how, fields } = SOURCES[kind];
    return { kind, title, needs, isList, how, fields: [...fields] };
  });
