import type { OpenSslCopy } from '../../model/facts.ts';

/**
 * What a copy says of itself, and what a program says that uses another's: `OpenSSL 1.0.1f 6 Jan 2014`,
 * `LibreSSL 3.8.2`, `libssl.so.1.1`. For grep -E, which reads files in pieces wherever they lie.
 */
export const WORDS =
  'OpenSSL [0-9]+[.][0-9]+[.][0-9]+[a-z0-9.+-]* +[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}|LibreSSL [0-9]+[.][0-9]+[.][0-9]+|lib(ssl|crypto)[.]so[.][0-9]';

const VERSION = /^(OpenSSL|LibreSSL) (\S+)/;
/** `libssl.so.1.0.0`, and as Python wheels rename it: `libssl-a1b2c3.so.3` */
const LIBRARY = /\/lib(?:ssl|crypto)[\w.-]*\.so[\d.]*$/;
export const isLibrary = (path: string): boolean => LIBRARY.test(path);

/**
 * Which OpenSSL the file carries; null: none. A program that is linked with the shared library says the version it was built
 * with as well, but names that library: the copy is not in it.
 */
export function copyIn(
  path: string,
  words: readonly string[],
): Pick<OpenSslCopy, 'library' | 'version' | 'linked'> | null {
  const linked = isLibrary(path) ? 'shared' : 'static';
  if (linked === 'static' && words.some((word) => word.startsWith('lib'))) return null;
  const [, library, version] = VERSION.exec(words.find((word) => VERSION.test(word)) ?? '') ?? [];
  return library === undefined ? null : { library: library as 'OpenSSL' | 'LibreSSL', version: version!, linked };
}
