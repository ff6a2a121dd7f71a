import * as z from 'zod';
import { type AskedSource, CA, secret, setting } from './contract.ts';
import { at, bearer, pages } from './http.ts';

const Page = z.object({
  metadata: z.object({ continue: z.string().optional() }).default({}),
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      status: z.object({
        addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
        nodeInfo: z.object({ machineID: z.string().default(''), osImage: z.string().default('') }).optional(),
      }),
    }),
  ),
});

/** The nodes of a Kubernetes cluster, each with its machine-id. */
export const kubernetes: AskedSource = {
  kind: 'kubernetes',
  of: 'machines',
  how: 'asked',
  title: 'Kubernetes',
  needs: 'A token of a service account that may list nodes (a ClusterRole with nodes: list).',
  isList: false,
  fields: [setting('url', 'the API server, such as https://k8s.example.org:6443'), secret('token', 'the token'), CA],
  async *read({ settings, secrets, http }) {
    const base = at(settings['url']!, '/api/v1/nodes?limit=500');
    const nodes = pages(base, async (url) => {
      const page = Page.parse(await http.ask(url, { headers: bearer(secrets['token']!) }));
      const more = page.metadata.continue;
      return { items: page.items, next: more ? `${base}&continue=${encodeURIComponent(more)}` : null };
    });
    for await (const { metadata, status } of nodes) {
      const machineId = status.nodeInfo?.machineID.replaceAll('-', '').toLowerCase() ?? '';
      yield {
        id: metadata.uid,
        name: status.addresses.find(({ type }) => type === 'Hostname')?.address ?? metadata.name,
        addresses: status.addresses.filter(({ type }) => type.endsWith('IP')).map(({ address }) => address),
        identifiers: /^[0-9a-f]{32}$/.test(machineId) ? [{ kind: 'machine-id', value: machineId }] : [],
        guess: `Kubernetes node, ${status.nodeInfo?.osImage ?? 'unknown system'}`,
        evidence: Object.fromEntries(
          Object.keys(metadata.labels).flatMap((key) =>
            key.startsWith('node-role.kubernetes.io/') ? [['role', key.split('/')[1]!]] : [],
          ),
        ),
      };
    }
  },
};
