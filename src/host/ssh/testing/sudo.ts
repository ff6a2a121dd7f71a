import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts a `sudo` into `dir` that asks as the real one does with `-S -p`: the prompt on standard error, the password from
 * one line of input, three tries. It changes no user; the real one is driven on real machines.
 */
export function putSudo(dir: string, password: string | null): void {
  const script = `#!/bin/sh
while [ "$1" != -- ]; do
  [ "$1" = -p ] && prompt=$2
  shift
done
shift
tries=0
${password === null ? 'exec "$@"' : ''}
while [ $tries -lt 3 ]; do
  printf '%s' "$prompt" >&2
  IFS= read -r line || { echo 'sudo: no password was provided' >&2; exit 1; }
  [ "$line" = '${password}' ] && exec "$@"
  echo 'Sorry, try again.' >&2
  tries=$((tries + 1))
done
echo 'sudo: 3 incorrect password attempts' >&2
exit 1
`;
  writeFileSync(join(dir, 'sudo'), script, { mode: 0o755 });
}
