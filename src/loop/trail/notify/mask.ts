/** A shorter part of a URL is a word like `in` or `v1`, and hiding it would hide half of every text. */
const SHORTEST_PART = 8;

/**
 * A text of the other side without what is secret, which it may say back whole or in part. Of a secret that is a URL,
 * its path, its query and each longer part of them are secret, as sent or decoded. Mask first and cut then: half a
 * secret is not found any more.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const hidden = [...new Set(secrets.flatMap(partsOf))].filter((part) => part.length > 0);
  return hidden.toSorted((a, b) => b.length - a.length).reduce((clean, part) => clean.replaceAll(part, '…'), text);
}

function partsOf(secret: string): string[] {
  if (!/^https?:\/\//i.test(secret) || !URL.canParse(secret)) return [secret];
  const { pathname, search } = new URL(secret);
  const parts = [pathname + search, pathname, search, ...`${pathname}${search}`.split(/[/?&=]/)];
  const long = parts.filter((part) => part.length >= SHORTEST_PART);
  return [secret, ...long, ...long.map(decoded)];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
