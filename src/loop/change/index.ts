import type { PlannedUpgrade } from '../audit/index.ts';
import { plannedUpgrades } from './planned-upgrades.ts';
import type { Campaign } from '../../model/campaign.ts';
import type { Change } from '../../model/change.ts';
import type { Module, Platform } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Enrollment } from '../enrollment/index.ts';
import type { ImpactFace } from '../impact/index.ts';
import { advance, tick } from './advance.ts';
import { AUTHORITY_KINDS } from './authorities/registry.ts';
import { campaignOf, updateCampaign } from './campaigns.ts';
import { RevocationLists } from '../../platform/pki/revocation-list.ts';
import type { Deps, History } from './deps.ts';
import { workOverSsh } from './over-ssh.ts';
import { changeAgentRoutes, changeRoutes } from './routes.ts';
import { allChanges, changeById } from './store.ts';
import { toChange, toChanges } from './view.ts';

export interface ChangeFace extends Module {
  change(id: string): Promise<Change | null>;
  changes(): Promise<Change[]>;
  campaign(kit: string): Promise<Campaign>;
  /** to which versions changes that are not over bring packages of these hosts */
  plannedUpgrades(hostIds: readonly string[]): Promise<PlannedUpgrade[]>;
}

export function createChange(
  platform: Platform,
  left: { discovery: Discovery; enrollment: Enrollment; audit: Audit; impact: ImpactFace; history: History },
): ChangeFace {
  const deps: Deps = { platform, ...left, authorities: AUTHORITY_KINDS, lists: new RevocationLists() };
  return {
    change: async (id) => {
      const row = await changeById(platform.db, id);
      return row && toChange(deps, row);
    },
    changes: async () => toChanges(deps, await allChanges(platform.db)),
    campaign: (kit) => campaignOf(deps, kit),
    plannedUpgrades: (hostIds) => plannedUpgrades(platform.db, hostIds),
    routes: changeRoutes(deps),
    agentRoutes: changeAgentRoutes(deps),
    jobs: {
      'change.advance': ({ changeId }) => advance(deps, changeId),
      'change.tick': () => tick(deps),
      'change.over-ssh': ({ hostId }) => workOverSsh(deps, hostId),
      'change.campaign': ({ kit }) => updateCampaign(deps, kit),
    },
    schedules: [{ job: 'change.tick', cron: '* * * * *' }],
  };
}
