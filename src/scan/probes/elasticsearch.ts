import type { Probe } from './contract.ts';
import { fetchAnswer } from './http/fetch.ts';
import { httpGet, isHttp, jsonOf, textOf } from './http/wire.ts';
import { serviceResult, stopped } from './service-result.ts';

const ROOT = /"tagline"\s*:\s*"(You Know, for Search|The OpenSearch Project)/;
const LOCKED = /realm="(security|OpenSearch Security|Open Distro Security)"/;

/** Elasticsearch and OpenSearch: the root of their API needs rights where security is on. */
export const elasticsearchProbe: Probe = {
  protocol: 'elasticsearch',
  over: 'http',
  ports: [9200],
  asks: { opening: httpGet, knows: isIts },
  recognises: isIts,
  probe: async (target) => {
    const answer = await fetchAnswer(target, 'elasticsearch', '/');
    if (!answer) throw stopped(target, 'elasticsearch', 'the answer was not HTTP');
    const root = jsonOf(answer);
    const isOpenSearch = /opensearch/i.test(
      `${textOf(root, 'version', 'distribution')}${answer.headers.get('www-authenticate')}`,
    );
    return serviceResult('elasticsearch', {
      product: isOpenSearch ? 'OpenSearch' : 'Elasticsearch',
      version: textOf(root, 'version', 'number'),
      access: answer.status === 200 ? 'open' : [401, 403].includes(answer.status) ? 'refused' : 'unknown',
      what: `GET / without credentials was answered with status ${answer.status}`,
      details: { cluster: textOf(root, 'cluster_name'), node: textOf(root, 'name') },
    });
  },
};

function isIts(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return isHttp(bytes) && (ROOT.test(text) || (/^HTTP\S+ 401/.test(text) && LOCKED.test(text)));
}
