#!/usr/bin/env node
import { runPinned } from './pinned.mjs';

await runPinned(process.argv[2], process.argv.slice(3));
