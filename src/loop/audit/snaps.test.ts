import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PackageFact, SnapFact } from '../../model/facts.ts';
import type { Affected } from '../../model/finding.ts';
import { readAll } from './testing/read-all.ts';
import { cycloneDxProblems } from './testing/schemas.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
