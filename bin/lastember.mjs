#!/usr/bin/env node
import { runPinned } from './pinned.mjs';

await runPinned('src/cli/main.ts', process.argv.slice(2));
