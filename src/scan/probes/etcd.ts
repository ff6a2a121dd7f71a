import type { Access } from '../../model/probe.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { fetchAnswer } from './http/fetch.ts';
import { type HttpAnswer, httpGet, httpPost, isHttp, jsonOf, textOf } from './http/wire.ts';
import { serviceResult, stopped } from './service-result.ts';

/** How many keys there are: the smallest thing to read that needs rights. */
const COUNT = JSON.stringify({ key: 'AA==', range_end: 'AA==', count_only: true });
const isIts = (bytes: Buffer): boolean => isHttp(bytes) && /"etcdserver"\s*:\s*"/.test(bytes.toString('latin1'));

/** etcd: anybody may ask for its version; whether anybody may read keys is asked by counting them. */
export const etcdProbe: Probe = {
  protocol: 'etcd',
  over: 'http',
  ports: [2379],
  asks: { opening: (target) => httpGet(target, '/version'), knows: isIts },
  recognises: isIts,
  probe: async (target) => {
    const version = textOf(jsonOf(await fetchAnswer(target, 'etcd', '/version')), 'etcdserver');
    if (version === undefined) throw stopped(target, 'etcd', 'it did not tell its version');
    return serviceResult('etcd', { product: 'etcd', version, ...(await accessOf(target)) });
  },
};

async function accessOf(target: ProbeTarget): Promise<{ access: Access; what: string }> {
  for (const path of ['/v3/kv/range', '/v3beta/kv/range']) {
    const answer = await fetchAnswer(target, 'etcd', path, httpPost(target, path, COUNT));
    if (answer?.status === 404) continue;
    if (answer?.status === 200) return { access: 'open', what: 'its keys could be counted without credentials' };
    if (refuses(answer)) return { access: 'refused', what: 'counting its keys without credentials was refused' };
    return { access: 'unknown', what: `counting its keys was answered with status ${answer?.status ?? 'none'}` };
  }
  return { access: 'unknown', what: 'it has no API of version 3 over HTTP' };
}

const refuses = (answer: HttpAnswer | null): boolean =>
  answer !== null &&
  ([401, 403].includes(answer.status) || /user name is empty|permission denied/.test(answer.body.toString('latin1')));
