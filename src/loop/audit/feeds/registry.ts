import type { FeedKind } from '../../../model/feed.ts';
import { alpineSecdb } from './alpine-secdb.ts';
import type { FeedMember } from './contract.ts';
import { debianList } from './debian-list.ts';
import { debianTracker } from './debian-tracker.ts';
import { epss } from './epss.ts';
import { kev } from './kev.ts';
import { osv } from './osv.ts';
import { redhatVex } from './redhat-vex.ts';

/** Alphabetical. */
export const FEEDS: Readonly<Record<FeedKind, FeedMember>> = {
  'alpine-secdb': alpineSecdb,
  'debian-list': debianList,
  'debian-tracker': debianTracker,
  epss,
  kev,
  osv,
  'redhat-vex': redhatVex,
};
