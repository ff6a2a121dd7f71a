import { readText, type Host } from '../host.ts';

const SETTINGS_4 = '/etc/dnf/plugins/versionlock.conf';
const LIST_4 = '/etc/dnf/plugins/versionlock.list';
const LIST_5 = '/etc/dnf/versionlock.toml';

export const holdsOfDnf = (isFive: boolean): string => (isFive ? LIST_5 : LIST_4);

/** Those that a versionlock keeps at a version. Its entries that only exclude one version hold nothing. */
export async function heldByDnf(host: Host, isFive: boolean, names: readonly string[]): Promise<string[]> {
  const patterns = isFive ? parseLocks5((await readText(host, LIST_5)) ?? '') : await locks4(host);
  return names.filter((name) => patterns.some((pattern) => pattern.test(name)));
}

async function locks4(host: Host): Promise<RegExp[]> {
  const list = /^\s{0,9}locklist\s{0,9}=\s{0,9}(\/\S+)/m.exec((await readText(host, SETTINGS_4)) ?? '')?.[1] ?? LIST_4;
  return parseLocks4((await readText(host, list)) ?? '');
}

const escaped = (text: string): string => text.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
/** `*` and `?`, as locks have them. */
const glob = (text: string): RegExp => new RegExp(`^${escaped(text).replace(/\*+/g, '.*').replace(/\?/g, '.')}$`);

/** `-EPOCH:VERSION-RELEASE`; without an epoch a name may end alike, unless both begin as versions do. */
const FROM_VERSION = /-(?:\d+:[^-]+|[\d*?][^-]*)-[\d*?][^-]*$/;

/** A lock is `NAME-EPOCH:VERSION-RELEASE.*`, of old `EPOCH:NAME-VERSION-RELEASE.ARCH`, or a name; `!` excludes instead. */
export function parseLocks4(text: string): RegExp[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !/^[#!]/.test(line))
    .map((line) => glob(line.replace(/^\d+:/, '').replace(FROM_VERSION, '')));
}

/** Tables `[[packages]]` with a name and conditions; where all of these are `!=`, one version is excluded and none held. */
export function parseLocks5(text: string): RegExp[] {
  return text.split(/^\[\[packages\]\]/m).flatMap((block, at) => {
    const name = /^name = "([^"\n]+)"/m.exec(block)?.[1];
    const comparators = [...block.matchAll(/^comparator = "([^"\n]+)"/gm)].map((match) => match[1]);
    const isHeld = at > 0 && name !== undefined && comparators.some((one) => one !== '!=');
    return isHeld ? [glob(name)] : [];
  });
}
