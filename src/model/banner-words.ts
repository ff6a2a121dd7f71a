const PRINTABLE = /^[\t\n\r\x20-\x7e]+$/;

/** First bytes of an unknown service, kept as hex: as text where they are text. */
export function bannerInWords(hex: string): string {
  if (hex === '') return 'says nothing by itself';
  const text = String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)));
  if (!PRINTABLE.test(text)) return `unknown bytes ${hex.slice(0, 32)}${hex.length > 32 ? '…' : ''}`;
  return `“${text
    .trim()
    .split(/\s*[\r\n]+\s*/)
    .join(' · ')}”`;
}
