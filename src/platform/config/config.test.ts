import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { agentListenOf } from './agents.ts';
import { configReference, loadConfig } from './index.ts';

const refused = (why: RegExp) => (error: unknown) =>
  isAppError(error, 'CONFIG_INVALID') && why.test((error as Error).message);

test('defaults, environment, flags: the later wins', () => {
  const home = { HOME: '/home/ann' };
  assert.equal(loadConfig(home).port, 7414);
  assert.equal(loadConfig(home).dataDir, '/home/ann/.local/share/lastember');
  assert.equal(loadConfig({ ...home, LASTEMBER_PORT: '9000' }).port, 9000);
  assert.equal(loadConfig({ ...home, LASTEMBER_PORT: '9000' }, { port: 9001 }).port, 9001);
  assert.equal(loadConfig({ ...home, LASTEMBER_PORT: '' }).port, 7414, 'empty is not set');
  assert.equal(loadConfig(home).databaseUrl, null);
});

test('without HOME and without an account there is still a configuration', () => {
  assert.equal(loadConfig({}, { dataDir: '/srv/x' }).dataDir, '/srv/x');
});

test('what does not fit stops the start and names the variable or the flag', () => {
  assert.throws(() => loadConfig({ LASTEMBER_PORT: '70000' }), refused(/LASTEMBER_PORT/));
  assert.throws(() => loadConfig({ LASTEMBER_PORT: '7414x' }), refused(/LASTEMBER_PORT is not a whole number/));
  assert.throws(() => loadConfig({}, { port: 'many' }), refused(/--port is not a whole number/));
  assert.throws(
    () => loadConfig({ DATABASE_URL: 'mysql://x/y' }),
    refused(/DATABASE_URL does not start with postgres/),
  );
  assert.throws(
    () => loadConfig({ LASTEMBER_AGENT_ADDRESS: 'server' }),
    refused(/LASTEMBER_AGENT_ADDRESS is not host:port/),
  );
  for (const agentListen of ['127.0.0.1:7715', '[::1]:7715', '[::1]', 'host:7715', 'http://host'])
    assert.throws(() => loadConfig({}, { agentListen }), refused(/--agent-listen takes an address; .*--agent-port/));
  assert.throws(() => loadConfig({}, { listen: '127.0.0.1:7414' }), refused(/--listen takes an address; .* --port/));
  for (const listen of ['127.0.0.1', '::', 'fe80::1%eth0', 'localhost'])
    assert.equal(loadConfig({}, { listen }).listen, listen);
  assert.throws(() => loadConfig({ LASTEMBER_PUBLIC_URL: 'console.example' }), refused(/PUBLIC_URL is not http/));
  assert.throws(() => loadConfig({ LASTEMBER_PUBLIC_URL: 'https://a.example/x' }), refused(/PUBLIC_URL is not http/));
  assert.throws(() => loadConfig({ LASTEMBER_TRUST_PROXY: 'true' }), refused(/TRUST_PROXY is not a list of IP/));
  assert.throws(() => loadConfig({ LASTEMBER_LOG_LEVEL: 'loud' }), refused(/LASTEMBER_LOG_LEVEL/));
  assert.throws(() => loadConfig({ LASTEMBER_CHECKPOINT_ORIGIN: 'two words' }), refused(/ORIGIN has a space/));
});

test('half-set PG* variables refuse to boot; with DATABASE_URL they are beside the point', () => {
  assert.throws(
    () => loadConfig({ PGHOST: 'db', PGUSER: 'x' }),
    refused(/PGHOST, PGUSER are set, but DATABASE_URL is not/),
  );
  const url = 'postgres://u:p@db/lastember';
  assert.equal(loadConfig({ PGHOST: 'db', DATABASE_URL: url }).databaseUrl, url);
});

test('docs/reference/config.md is what the table says (npm run generate)', () => {
  const file = readFileSync(new URL('../../../docs/reference/config.md', import.meta.url), 'utf8');
  assert.equal(file, configReference());
});

test('agents are listened for where they are told to call; console and API stay where they were', () => {
  const at = (flags: Record<string, string>): string => agentListenOf(loadConfig({}, flags));
  assert.equal(at({}), '127.0.0.1');
  assert.equal(at({ agentAddress: '127.0.0.1:7000' }), '127.0.0.1');
  assert.equal(at({ agentAddress: 'lastember.example:7415' }), '0.0.0.0');
  assert.equal(at({ agentAddress: '[2001:db8::1]:7415' }), '::');
  assert.equal(at({ agentAddress: 'lastember.example:7415', listen: '192.0.2.1' }), '192.0.2.1');
  assert.equal(at({ agentAddress: 'lastember.example:7415', agentListen: '192.0.2.2' }), '192.0.2.2');
});
