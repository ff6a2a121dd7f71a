import { SUPPORT_KINDS, type SupportKind } from '../../../../model/extended-support.ts';
import type { OsFacts } from '../../../../model/facts.ts';

/** A line of builds of its own: that of a minor release (`9.2`), or the last one of a major (`7`). */
export interface Stream {
  branch: string;
  kind: SupportKind;
}

const isKind = (text: string): text is SupportKind => (SUPPORT_KINDS as readonly string[]).includes(text);
const majorOf = (version: string): string => version.split('.')[0]!;

/** `9.2-eus`; null: the release is that of the main stream, or of another product. */
export function streamOf(release: string | null): Stream | null {
  const [, branch, kind = ''] = /^(\d+(?:\.\d+)?)-([a-z0-9-]+)$/.exec(release ?? '') ?? [];
  return branch !== undefined && isKind(kind) ? { branch, kind } : null;
}

/** `9` for `9.2-eus`, too. */
export function mainReleaseOf(release: string | null): string | null {
  const stream = streamOf(release);
  return stream === null ? release : majorOf(stream.branch);
}

/** For people: `9.2 EUS`. */
export const streamInWords = ({ branch, kind }: Stream): string =>
  `${branch} ${kind.toUpperCase().replaceAll('-', ' ')}`;

/** After this one no minor release comes: whoever stays there has the main stream, whatever it is called. */
const isLastMinor = (version: string): boolean => /^(?:[89]|\d\d)\.10$/.test(version);

/**
 * `rhel_eus:9.2::baseos`, `enterprise_linux_eus:10.0`, `rhel_els:7` → the release of that stream, by a CPE's or OSV's words
 * from the product on; null: it is none. Since 2026 documents call 8.10 itself `rhel_e6s:8.10`.
 */
export function streamReleaseOf(product: string): string | null {
  const [, word = '', version] = /^(?:rhel|enterprise_linux)_([a-z0-9_]+):(\d+(?:\.\d+)?)(?::|$)/.exec(product) ?? [];
  const kind = word.replaceAll('_', '-');
  if (version === undefined || !isKind(kind)) return null;
  if (kind === 'els') return `${majorOf(version)}-els`;
  if (isLastMinor(version)) return majorOf(version);
  return version.includes('.') ? `${version}-${kind}` : null;
}

/**
 * Of which minor release a package was built: `9.2` for `3.0.7-16.el9_2.9` and `…module+el9.2.0+…`; null: it does not say,
 * as all that came with a minor release itself.
 */
export function minorOf(version: string): string | null {
  const [, major, minor] = /\.module[_+]el(\d+)\.(\d+)\./.exec(version) ?? /\.el(\d+)_(\d+)/.exec(version) ?? [];
  return major === undefined ? null : `${major}.${minor}`;
}

/** Of one major release. */
export function compareMinors(a: string, b: string): number {
  const last = (minor: string): number => Number(minor.split('.')[1]);
  return last(a) - last(b);
}

const MINOR = /^\d{1,3}\.\d{1,3}$/;

/**
 * The stream that a host of Red Hat Enterprise Linux gets its updates from, by the repositories that it has enabled and the
 * minor release that it is held at; null: the main one, or nobody knows.
 */
export function streamOfHost({ versionId, updatesFrom }: Pick<OsFacts, 'versionId' | 'updatesFrom'>): string | null {
  const found = (updatesFrom?.repositories ?? []).flatMap((id) => repositoryOf(id) ?? []);
  const own = found.filter(({ major }) => major === majorOf(versionId));
  if (own.some(({ kind }) => kind === 'els')) return `${majorOf(versionId)}-els`;
  const kind = SUPPORT_KINDS.find((one) => own.some((repository) => repository.kind === one));
  const held = [updatesFrom?.pinned, ...own.map(({ minor }) => minor), versionId];
  const branch = held.find((one) => one && MINOR.test(one) && majorOf(one) === majorOf(versionId));
  return kind === undefined || branch === undefined ? null : `${branch}-${kind}`;
}

interface Repository {
  major: string;
  kind: SupportKind;
  /** where its name has one: `…-rpms__9_DOT_2` */
  minor: string | null;
}

/**
 * `rhel-9-for-x86_64-baseos-eus-rpms`, `rhel-7-server-els-rpms`, in clouds with `rhui` somewhere. Since 8 the base decides:
 * add-ons come beside it.
 */
function repositoryOf(id: string): Repository | null {
  const [, plain = '', a, b] = /^(.*?-rpms)(?:__(\d+)_DOT_(\d+))?$/.exec(id) ?? [];
  const words = plain.split('-').filter((word) => word !== 'rhui');
  const [, major = ''] = words;
  if (!/^rhel-\d/.test(words.join('-')) || words.includes('debug') || words.includes('source')) return null;
  const kind = plain.includes('-eus-long-life-') ? 'eus-long-life' : words.find(isKind);
  if (kind === undefined || (Number(major) >= 8 && !words.includes('baseos'))) return null;
  return { major, kind, minor: a === undefined ? null : `${a}.${b}` };
}
