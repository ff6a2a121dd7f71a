/** Command lines travel to the server and into documents: what looks like a secret in one stays on the host. */
export function masked(text: string): string {
  return text
    .replace(/((?:pass(?:word|wd|phrase)?|secret|token|api-?key|credential)s?["']?[=: ]\s*)\S+/gi, '$1•••')
    .replace(/(:\/\/[^\s:/@]+:)[^\s@/]+@/g, '$1•••@');
}
