/** Names that one listener is asked by, at most: each is a connection of its own at every look. */
const MOST = 8;
const LONGEST = 253;

/**
 * Names that a client may send to a server (RFC 6066 §3), the likeliest first, each once. Patterns, addresses and what is
 * no name of DNS are left out.
 */
export function serverNames(...lists: readonly (readonly string[])[]): string[] {
  const names = lists.flat().flatMap((text) => {
    const name = text.trim().toLowerCase().replace(/\.$/, '');
    const isName =
      name.length <= LONGEST && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name);
    // A last label of digits alone is part of an address.
    return isName && !/(^|\.)(\d+|0x[\da-f]*)$/.test(name) ? [name] : [];
  });
  return [...new Set(names)].slice(0, MOST);
}
