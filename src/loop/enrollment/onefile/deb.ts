/**
 * A Debian archive with one file in it, around data that is packed already: hosts without `xz` have dpkg, which unpacks
 * .xz by itself. It is no package: there is no control file, and nobody can install it.
 */
export const DEB_FILE = 'lastember-agent';
const BLOCK = 512;

/** What stands before and behind a file of this size in a tar archive. */
export function tarAround(size: number, mode: number): { before: Buffer; after: Buffer } {
  const before = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const fields: [number, string][] = [
    [0, `./${DEB_FILE}`],
    [100, octal(mode, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [124, octal(size, 12)],
    [136, octal(0, 12)],
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\x0000'],
    [265, 'root'],
    [297, 'root'],
  ];
  for (const [at, text] of fields) before.write(text, at, 'latin1');
  const sum = before.reduce((total, byte) => total + byte, 0);
  before.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return { before, after: Buffer.alloc(((BLOCK - (size % BLOCK)) % BLOCK) + 2 * BLOCK) };
}

/** `data`: the tar archive, packed as .xz. */
export function debAround(data: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member('control.tar', Buffer.alloc(2 * BLOCK)),
    member('data.tar.xz', data),
  ]);
}

function member(name: string, content: Buffer): Buffer {
  const words = [name.padEnd(16), '0'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
  const head = `${words.join('')}${String(content.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), content, Buffer.alloc(content.length % 2, '\n')]);
}
