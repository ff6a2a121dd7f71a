import type { DocumentKind } from '../../../model/trail.ts';
import { composeCampaign } from './campaign.ts';
import { composeChange } from './change.ts';
import { composeHost } from './host.ts';
import type { Compose } from './model.ts';

export const DOCUMENTS: Record<DocumentKind, Compose> = {
  campaign: composeCampaign,
  change: composeChange,
  host: composeHost,
};
