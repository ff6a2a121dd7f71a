import type { DeviceClass } from '../../model/guess.ts';

/**
 * Makers whose network cards tell what a machine is: those that build one class of device, and the virtual cards of
 * hypervisors. The whole list of the IEEE has forty thousand prefixes, and nearly all of them tell nothing but a name.
 */
const MAKERS: readonly [maker: string, is: DeviceClass, prefixes: string][] = [
  ['VMware', 'server', '005056 000c29 000569'],
  ['VirtualBox', 'server', '080027'],
  ['QEMU', 'server', '525400'],
  ['Xen', 'server', '00163e'],
  ['Hyper-V', 'server', '00155d'],
  ['Proxmox', 'server', 'bc2411'],
  ['Raspberry Pi', 'single-board computer', 'b827eb dca632 e45f01 d83add 28cdc1'],
  ['Synology', 'storage', '001132'],
  ['QNAP', 'storage', '00089b 245ebe'],
  ['MikroTik', 'network device', '000c42 4c5e0c 64d154 6c3b6b cc2de0 e48d8c 488f5a'],
  ['Ubiquiti', 'network device', '24a43c 0418d6 fcecda 788a20 687251 44d9e7 802aa8 f09fc2 18e829 7483c2 b4fbe4'],
  ['Fortinet', 'network device', '00090f 906cac 704ca5'],
  ['Juniper', 'network device', '000585'],
  ['Axis', 'camera', '00408c accc8e b8a44f'],
  ['Hikvision', 'camera', '4419b6 c056e3 bcad28 2857be 4cbd8f a41437'],
  ['Dahua', 'camera', '3cef8c 9002a9 4c11bf e0508b'],
  ['Yealink', 'phone', '001565 805ec0'],
  ['Polycom', 'phone', '0004f2 64167f'],
  ['Snom', 'phone', '000413'],
  ['Grandstream', 'phone', '000b82'],
  ['Brother', 'printer', '008077 001ba9 30055c'],
  ['Kyocera', 'printer', '00c0ee'],
  ['Lexmark', 'printer', '002000 000400'],
  ['Zebra', 'printer', '00074d'],
];

/** Virtual machines are mostly servers, and not always. */
const VIRTUAL = new Set(['VMware', 'VirtualBox', 'QEMU', 'Xen', 'Hyper-V', 'Proxmox']);

const BY_PREFIX = new Map(
  MAKERS.flatMap(([maker, is, prefixes]) =>
    prefixes.split(' ').map((prefix) => [prefix, { maker, is, weight: VIRTUAL.has(maker) ? 0.5 : 0.8 }] as const),
  ),
);

/** Null: nobody of those. */
export const makerOf = (mac: string): { maker: string; is: DeviceClass; weight: number } | null =>
  BY_PREFIX.get(
    mac
      .toLowerCase()
      .replaceAll(/[^0-9a-f]/g, '')
      .slice(0, 6),
  ) ?? null;
