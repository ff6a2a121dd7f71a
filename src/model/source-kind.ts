import * as z from 'zod';

/** Whom one can ask about machines besides looking oneself. Each is a name for sightings, too. */
export const SourceKind = z.enum([
  'ansible',
  'aws',
  'azure',
  'bill',
  'certificate-log',
  'dhcp',
  'digitalocean',
  'dns',
  'docker',
  'flows',
  'gcp',
  'hetzner',
  'kea',
  'known-hosts',
  'kubernetes',
  'libvirt',
  'netbox',
  'proxmox',
  'snmp',
  'vsphere',
]);
export type SourceKind = z.infer<typeof SourceKind>;
