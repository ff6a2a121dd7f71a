import type { Access } from '../../model/probe.ts';
import type { Probe } from './contract.ts';
import { fetchAnswer } from './http/fetch.ts';
import { httpGet, isHttp, jsonOf, textOf } from './http/wire.ts';
import { serviceResult } from './service-result.ts';

const ACCESS: Record<number, Access> = { 200: 'open', 401: 'refused', 403: 'refused' };

/** The Kubernetes API: that it tells its version is normal; whether anybody may list namespaces is not. */
export const kubernetesProbe: Probe = {
  protocol: 'kubernetes',
  over: 'http',
  ports: [6443, 8001, 8443, 16_443],
  asks: { opening: (target) => httpGet(target, '/version'), knows: isIts },
  recognises: isIts,
  probe: async (target) => {
    const version = jsonOf(await fetchAnswer(target, 'kubernetes', '/version'));
    const list = await fetchAnswer(target, 'kubernetes', '/api/v1/namespaces?limit=1');
    return serviceResult('kubernetes', {
      product: 'Kubernetes',
      version: textOf(version, 'gitVersion'),
      access: ACCESS[list?.status ?? 0] ?? 'unknown',
      what: `listing a namespace without credentials was answered with status ${list?.status ?? 'none'}`,
      details: { platform: textOf(version, 'platform') },
    });
  },
};

function isIts(bytes: Buffer): boolean {
  if (!isHttp(bytes)) return false;
  const text = bytes.toString('latin1');
  const isStatus = /"kind"\s*:\s*"Status"/.test(text) && /"apiVersion"\s*:\s*"v1"/.test(text);
  return (
    isStatus ||
    (/"gitVersion"\s*:\s*"v\d/.test(text) && text.includes('"goVersion"')) ||
    /"paths"\s*:\s*\[\s*"\/(\.well-known|api)/.test(text)
  );
}
