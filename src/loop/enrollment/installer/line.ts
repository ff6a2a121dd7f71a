import { stringify } from 'yaml';

/**
 * The one line for a root shell. What proves the server is the script's SHA-256 in the line itself: the script is fetched
 * before anybody is trusted, runs only if it is the promised one, and carries our authority and the digests of the rest.
 * The token goes in through the environment, which other users cannot read.
 */
export function oneLine(given: { server: string; sha256: string; token: string }): string {
  const url = `https://${given.server}/agent/v1/install.sh`;
  return `LASTEMBER_TOKEN=${given.token} sh -c '${SHELL}' '${url}' ${given.sha256}`;
}

// curl and wget are told not to judge the certificate (-k): no authority that the host knows has signed it.
const SHELL = [
  'f=$(mktemp) || exit 1',
  'if command -v curl >/dev/null; then curl -fsSk -m 60 -o "$f" "$0"; else wget -q -T 60 --no-check-certificate -O "$f" "$0"; fi || { rm -f "$f"; echo "Lastember: $0 could not be fetched; is the server up, and may this host reach it?" >&2; exit 3; }',
  'echo "$1  $f" | sha256sum -c >/dev/null 2>&1 || { rm -f "$f"; echo "Lastember: what $0 sent is not what this line promised; nothing was run. Make a new line: lastember enroll-token create" >&2; exit 4; }',
  'sh "$f"; r=$?; rm -f "$f"; exit $r',
].join('; ');

/**
 * User data for machines that are made with cloud-init. It may lie there for months, so it trusts the authority and not
 * one version of the script. A wget that cannot check certificates refuses the option, and nothing is run.
 */
export function cloudInit(given: { server: string; ca: string; token: string }): string {
  const url = `https://${given.server}/agent/v1/install.sh`;
  const dir = '/run/lastember-install';
  const script = [
    `cd ${dir}`,
    `if command -v curl >/dev/null; then curl -fsS --retry 10 --retry-connrefused --cacert ca.pem -o install.sh '${url}'; else wget -q --tries=10 --retry-connrefused --ca-certificate=ca.pem -O install.sh '${url}'; fi`,
    'LASTEMBER_TOKEN=$(cat token) sh install.sh',
  ].join(' && ');
  const file = (name: string, content: string): object => ({
    path: `${dir}/${name}`,
    permissions: '0600',
    owner: 'root:root',
    content,
  });
  const document = {
    write_files: [file('ca.pem', given.ca.trimEnd() + '\n'), file('token', `${given.token}\n`)],
    runcmd: [['sh', '-c', `${script}; r=$?; rm -rf ${dir}; exit $r`]],
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}
