import type { DmiFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';

const AT = '/sys/class/dmi/id';
/** What makers write who write nothing; a UUID that thousands of boards share identifies none of them. */
const NOTHING =
  /^(?:to be filled by o\.e\.m\.?|not (?:specified|available|applicable|present)|default string|system (?:manufacturer|product name|version|serial number)|none|n\/a|unknown|0+|[0x ]*)$/i;
const SHARED_UUID = /^(?:0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12}|03000200-0400-0500-0006-000700080009)$/;

/** What the firmware says of the machine, or null where it says nothing (containers, boards without DMI). */
export async function readDmi(host: Host): Promise<DmiFacts | null> {
  if ((await host.stat(AT)) === null) return null;
  const field = async (name: string): Promise<string | null> => {
    // Serial numbers are for root only: whoever is not knows the rest all the same.
    const text = (await readText(host, `${AT}/${name}`, 4096).catch(() => null))?.trim() ?? '';
    return NOTHING.test(text) ? null : text;
  };
  const uuid = (await field('product_uuid'))?.toLowerCase() ?? null;
  return {
    vendor: await field('sys_vendor'),
    product: await field('product_name'),
    version: await field('product_version'),
    serial: await field('product_serial'),
    uuid: uuid !== null && SHARED_UUID.test(uuid) ? null : uuid,
    board: await field('board_name'),
    assetTag: (await field('chassis_asset_tag')) ?? (await field('board_asset_tag')),
    biosVendor: await field('bios_vendor'),
    biosVersion: await field('bios_version'),
    biosDate: await field('bios_date'),
  };
}
