const LONGEST_PATH = 200;
/** What paths of lists and responders are made of; no query, no dots that climb. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_~+()%.-]*)*$/;

/** Ports that may be asked. */
export type Ports = readonly number[] | 'any';

/**
 * Why this URL out of somebody’s certificate is not followed, or null. Whoever made the certificate chose it, so it leads
 * to a plain path at the ports where authorities are, and says nothing to whatever else listens.
 */
export function urlProblem(text: string, ports: Ports): string | null {
  const url = URL.parse(text);
  if (!url || !/^https?:\/\//i.test(text)) return 'it is not at an http or https address';
  if (url.username || url.password) return 'it has a login in it';
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (ports !== 'any' && !ports.includes(port))
    return `it is at port ${port}, and authorities are asked at ${ports.join(', ')} only (LASTEMBER_REVOCATION_PORTS)`;
  return isPlain(url) ? null : 'its path is not a plain one';
}

const isPlain = ({ search, hash, pathname }: URL): boolean =>
  !search && !hash && pathname.length <= LONGEST_PATH && PLAIN_PATH.test(pathname);
