import type { Campaign } from '../../../src/model/campaign.ts';
import type { Change } from '../../../src/model/change.ts';
import type { Host } from '../../../src/model/estate.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { Demo } from './context.ts';
import type { TrailResult } from './steps/document.ts';

export interface Results {
  hosts: Host[];
  before: { findings: Finding[]; campaign: Campaign };
  after: { findings: Finding[]; campaign: Campaign };
  /** when the vulnerable image had come back: what is left up */
  rekindled: { findings: Finding[]; campaign: Campaign };
  change: Change;
  /** the second change, of settings; null when it is left to the person */
  settings: Change | null;
  trail: TrailResult;
  documents: string[];
}

const findingRow = ({
  hostName,
  endpoint,
  kit,
  check,
  advisories,
  state,
  severity,
  evidence,
  pending,
}: Finding): object => ({
  host: hostName,
  endpoint,
  kit,
  check,
  advisories,
  severity,
  state,
  evidence,
  pending,
});

const campaignRow = ({
  endpoint,
  hostName,
  cause,
  via,
  steps,
  complete,
  excepted,
  rekindled,
}: Campaign['endpoints'][number]): object => ({
  endpoint,
  host: hostName,
  cause,
  via,
  steps: Object.fromEntries(Object.entries(steps).map(([step, { state }]) => [step, state])),
  complete,
  excepted,
  rekindled,
});

const changeRow = (change: Change): object => ({
  id: change.id,
  planDigest: change.planDigest,
  approvals: change.approvals.map(({ statement }) => ({
    keyId: statement.keyId,
    approvedAt: statement.approvedAt,
  })),
  waves: change.waves.map(({ name, canary, state, tasks }) => ({
    name,
    canary,
    state,
    tasks: tasks.map((task) => ({
      host: task.hostName,
      state: task.state,
      steps: task.outcomes.map(({ kind, ok }) => ({ kind, ok })),
    })),
  })),
  outcome: change.state,
  predicted: change.predicted,
  observed: change.observed,
});

/** The one JSON document of `--json`: what was found, done and proven, in machine-readable form. */
export function summary({ server, account, estate }: Demo, results: Results): object {
  const { before, after, change, rekindled, trail } = results;
  const addresses = new Set(estate.hosts.map(({ address }) => address));
  return {
    ok: account.claims.every(({ held }) => held),
    console: server.url,
    hosts: results.hosts.map((host) => ({
      address: host.addresses.find((address) => addresses.has(address)) ?? host.addresses[0],
      id: host.id,
      name: host.name,
      discoveredAs: host.discoveredAs,
      management: host.management,
      managed: host.management === 'managed',
      agentVersion: host.agentVersion,
      note: host.note,
    })),
    // `after` is what is left up: one host was built again from its vulnerable image by then.
    findings: {
      before: before.findings.map(findingRow),
      afterChange: after.findings.map(findingRow),
      after: rekindled.findings.map(findingRow),
    },
    campaign: {
      kit: after.campaign.kit,
      totals: {
        before: before.campaign.totals,
        after: after.campaign.totals,
        rekindled: rekindled.campaign.totals,
      },
      endpointsBefore: before.campaign.endpoints.map(campaignRow),
      endpointsAfterChange: after.campaign.endpoints.map(campaignRow),
      endpoints: rekindled.campaign.endpoints.map(campaignRow),
    },
    change: changeRow(change),
    settingsChange: results.settings && changeRow(results.settings),
    trail: {
      size: trail.size,
      root: trail.root,
      checkpoint: trail.checkpoint,
      verified: trail.verified,
      file: trail.file,
    },
    documents: results.documents,
    claims: account.claims,
    durations: account.durations,
  };
}
