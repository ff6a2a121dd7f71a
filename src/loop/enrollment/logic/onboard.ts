/** A row of a list as discovery read it. */
export interface Row {
  line: number;
  target: string;
  name: string | null;
  owner: string | null;
  tags: Record<string, string>;
  address: string | null;
  why: string | null;
}
export interface Wish {
  line: number;
  target: string;
  address: string;
  /** where SSH listens */
  port: number;
  login: string | null;
  /** what is recorded of the host */
  listed: Record<string, unknown>;
  why: string | null;
}

const SSH_PORT = 22;

/** Takes the columns login and port out of the rows, and says what is wrong with each. */
export function readWish(rows: readonly Row[], logins: readonly string[]): Wish[] {
  const seen = new Map<string, number>();
  return rows.map(({ tags: all, ...row }) => {
    const { login = null, port = `${SSH_PORT}`, ...tags } = all;
    const address = row.address ?? '';
    const twice = row.address === null ? undefined : seen.get(address);
    if (row.address !== null && twice === undefined) seen.set(address, row.line);
    const named = row.name ? { name: row.name } : {};
    return {
      line: row.line,
      target: row.target,
      address,
      port: Number(port),
      login,
      listed: { address, ...named, ...(row.owner ? { owner: row.owner } : {}), tags },
      why: row.why ?? wrong(port, login, logins, twice),
    };
  });
}

function wrong(
  port: string,
  login: string | null,
  logins: readonly string[],
  twice: number | undefined,
): string | null {
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return `"${port}" is no port`;
  if (login !== null && !logins.includes(login)) return `there is no login "${login}"; see lastember credential list`;
  return twice === undefined ? null : `line ${twice} has the same address`;
}
