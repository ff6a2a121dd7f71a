import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSshKey as newKeyPair } from '../../host/ssh/testing/keys.ts';
import { testSshServer } from '../../host/ssh/testing/server.ts';
import { isAppError } from '../../model/errors/index.ts';
import { testPlatform } from '../../platform/testing.ts';
import { createDiscovery } from '../discovery/index.ts';
import { addScope, newSshKey } from '../discovery/testing/index.ts';
import { addCredential, listCredentials } from './credentials.ts';
import { createEnrollment } from './index.ts';
import { createDeployment } from './make-deployment.ts';
import { deployments } from './store-deployments.ts';

const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
const ADDRESS = '127.80.0.1';

const hasAgent = ((): boolean => {
  try {
    execFileSync('ssh-agent', ['-h'], { stdio: 'ignore' });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
  return true;
})();

test(
  '2.2: the keys of a real ssh-agent log in; the server has none of them',
  { skip: hasAgent ? false : 'no ssh-agent on this machine' },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'lastember-agent-'));
    const socket = join(dir, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    const platform = await testPlatform();
    const pair = newKeyPair();
    const server = await testSshServer({
      root: dir,
      username: 'root',
      publicKey: pair.public,
      path: join(dir, 'bin'),
      hostKey: newSshKey(),
      address: ADDRESS,
    });
    t.after(async () => {
      agent.kill();
      await server.close();
      await platform.close();
      rmSync(dir, { recursive: true, force: true });
    });
    while (!existsSync(socket)) await sleep(20);
    const discovery = createDiscovery(platform);
    platform.handle({
      ...createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key').jobs,
      'audit.collect': async () => undefined,
    });
    const login = { kind: 'ssh-agent' as const, name: 'mine', username: 'root', socket };
    await assert.rejects(
      addCredential(platform, discovery, operator, login),
      (error) => isAppError(error, 'CREDENTIAL_AGENT') && /holds no key/.test(error.message),
    );
    await assert.rejects(
      addCredential(platform, discovery, operator, { ...login, socket: join(dir, 'none') }),
      (error) => isAppError(error, 'CREDENTIAL_AGENT'),
    );
    const file = join(dir, 'key');
    writeFileSync(file, pair.private, { mode: 0o600 });
    execFileSync('ssh-add', ['-q', file], { env: { SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
    await addCredential(platform, discovery, operator, login);
    const [listed] = await listCredentials(platform, discovery);
    assert.deepEqual([listed!.kind, listed!.triedUnnamed], ['ssh-agent', true]);

    await addScope(platform, { cidrs: [ADDRESS], ports: `${server.port}` });
    const { hostId } = await discovery.probeNow(ADDRESS, server.port);
    const made = await createDeployment(platform, discovery, operator, { hostIds: [hostId], agentless: true });
    await platform.drain();
    // This directory is no machine, so where we are not root that is as far as it goes.
    const [host] = (await deployments(platform.db, [made.id]))[0]!.hosts;
    assert.ok(server.logins() > 0);
    assert.ok(host!.credential === 'mine' || /is not root/.test(host!.why!), host!.why ?? '');
  },
);
