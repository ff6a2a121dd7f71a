import type { Campaign } from '../../model/campaign.ts';
import type { Change } from '../../model/change.ts';
import type { Module } from '../../platform/context.ts';

export interface ChangeFace extends Module {
  change(id: string): Promise<Change | null>;
  changes(): Promise<Change[]>;
  campaign(kit: string): Promise<Campaign>;
}
