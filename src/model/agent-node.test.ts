import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runsAgent } from './agent-node.ts';

test('a host runs the agent on its own Node from 22.18 on', () => {
  for (const good of ['v22.18.0', 'v22.19.1\n', 'v24.0.0', 'v26.10.0']) assert.equal(runsAgent(good), true, good);
  for (const bad of ['v22.17.9', 'v0.10.0', 'v20.20.2', '22.18.0', '', 'command not found'])
    assert.equal(runsAgent(bad), false, bad);
});
