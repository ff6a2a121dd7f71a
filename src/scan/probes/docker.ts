import type { Access } from '../../model/probe.ts';
import type { Probe } from './contract.ts';
import { fetchAnswer } from './http/fetch.ts';
import { httpGet, isHttp, jsonOf, textOf } from './http/wire.ts';
import { serviceResult, stopped } from './service-result.ts';

const ACCESS: Record<number, Access> = { 200: 'open', 401: 'refused', 403: 'refused' };

/**
 * Docker's API (and Podman's): it has no passwords. Its version is told by proxies that hold back the rest, too; whoever
 * may list containers may see what runs there, and mostly do everything with the machine.
 */
export const dockerProbe: Probe = {
  protocol: 'docker',
  over: 'http',
  ports: [2375, 2376],
  asks: { opening: (target) => httpGet(target, '/version'), knows: isIts },
  recognises: isIts,
  probe: async (target) => {
    const answer = await fetchAnswer(target, 'docker', '/version');
    if (!answer) throw stopped(target, 'docker', 'the answer was not HTTP');
    const version = jsonOf(answer);
    const list = await fetchAnswer(target, 'docker', '/containers/json?limit=1');
    return serviceResult('docker', {
      product: answer.headers.has('libpod-api-version') ? 'Podman' : 'Docker',
      version: textOf(version, 'Version'),
      access: ACCESS[list?.status ?? 0] ?? 'unknown',
      what: `listing a container without credentials was answered with status ${list?.status ?? 'none'}`,
      details: {
        api: textOf(version, 'ApiVersion'),
        os: textOf(version, 'Os'),
        kernel: textOf(version, 'KernelVersion'),
      },
    });
  },
};

function isIts(bytes: Buffer): boolean {
  if (!isHttp(bytes)) return false;
  const text = bytes.toString('latin1');
  return /^(Docker-Experimental|Libpod-Api-Version):/im.test(text) || /^Server: (Docker|Libpod)\//im.test(text);
}
