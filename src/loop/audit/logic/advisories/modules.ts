/** `18.18.2-1.module_el8.8.0+3636+5ba4b4ff`: built as part of a module. Whoever has the plain package is in none of its streams. */
export const isModular = (version: string): boolean => /\.module[_+]el\d/.test(version);

/**
 * Where a stream's versions begin: nodejs:18 with 1:18. A version of one stream must not be taken for an old one of another.
 * `0`: the package is numbered otherwise than the stream.
 */
export function beginOfStream(stream: string | null, version: string): string {
  const number = stream?.split(':')[1] ?? '';
  const [, epoch = '', upstream = ''] = /^(\d+:)?(.*)$/.exec(version) ?? [];
  const isOwn = /^\d+(?:\.\d+)*$/.test(number) && (upstream === number || upstream.startsWith(`${number}.`));
  return isOwn ? `${epoch}${number}` : '0';
}
