import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../../src/model/actor.ts';
import type { Estate } from '../estate.ts';
import { createApi, type Api } from './api.ts';
import type { Demo, People } from './context.ts';
import type { DemoServer } from './server.ts';

/**
 * Who asks for a change is an administrator with a registered key here: what keeps them from approving it is that they
 * asked, not what they are. The keys are made here and stay here.
 */
export async function setUpPeople(server: DemoServer, admin: Api, dir: string): Promise<People> {
  const password = randomBytes(12).toString('base64url');
  const add = async (name: string, role: Role): Promise<Api> => {
    await admin.addUser({ body: { name, role, password } });
    const { secret } = await admin.addToken({ body: { name: 'demo', user: name, days: 1 } });
    return createApi(server.url, secret);
  };
  const [operator, author, approver] = await Promise.all([
    add('demo-operator', 'operator'),
    add('demo-author', 'admin'),
    add('demo-approver', 'approver'),
  ]);
  const key = await newKey(approver, 'demo-approver', dir);
  return {
    operator,
    author,
    authorKeyFile: (await newKey(author, 'demo-author', dir)).file,
    approver,
    approverName: 'demo-approver',
    approverPassword: password,
    keyFile: key.file,
    keyId: key.id,
  };
}

/** A key pair whose public half is registered for this person; the private one is a file of theirs. */
async function newKey(person: Api, name: string, dir: string): Promise<{ file: string; id: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from((publicKey.export({ format: 'jwk' }) as { x: string }).x, 'base64url');
  const file = join(dir, `${name}.pem`);
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  await person.addKey({ body: { name, publicKey: raw.toString('base64') } });
  return { file, id: createHash('sha256').update(raw).digest('hex').slice(0, 16) };
}

/** What an operator would type on the first day: logins, the authority, the list of known machines, the scope. */
export async function setUpEstate({ people: { operator }, admin, estate, account }: Demo): Promise<void> {
  const { username, password, privateKey } = estate.login;
  await operator.addCredential({ body: { kind: 'private-key', name: 'ops-key', username, privateKey } });
  const { cidrs, follow } = estate.scope;
  // A password is tried without being named only where it is bound to.
  const bound = [...cidrs, ...follow];
  await operator.addCredential({ body: { kind: 'password', name: 'ops-password', username, password, for: bound } });
  await addAuthority(admin, estate);
  const known = estate.hosts.filter(({ spec }) => spec.known);
  await operator.importHosts({ body: { text: known.map(({ address, name }) => `${address},${name}`).join('\n') } });
  account.say(`${known.length} hosts stand on the imported list; the estate has ${estate.hosts.length}`);
  await operator.createScope({ body: { name: 'demo', cidrs, follow, ports: estate.ports, rate: 2000 } });
  account.say(
    `scope ${cidrs.join(', ')} on ports ${estate.ports}; connections may be followed into ${follow.join(', ')}`,
  );
}

async function addAuthority(admin: Api, { ca }: Estate): Promise<void> {
  await admin.addAuthority({
    body: {
      name: 'demo-ca',
      url: ca.tlsUrl,
      root: ca.root,
      provisioner: ca.provisioner,
      key: JSON.stringify(ca.provisionerKey),
    },
  });
}
