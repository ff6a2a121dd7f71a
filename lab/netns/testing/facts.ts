/** `node facts.ts JSON`, run in a lab's namespace: facts of one host over SSH, on standard output. */
import { readFileSync } from 'node:fs';
import { collectFacts } from '../../../src/host/facts/collect.ts';
import { sshHost } from '../../../src/host/ssh/index.ts';

const { address, key } = JSON.parse(process.argv[2]!) as { address: string; key: string };
const host = await sshHost({
  address,
  port: 22,
  username: 'root',
  auth: { privateKey: readFileSync(key, 'utf8') },
  trust: () => true,
});
const sections = await collectFacts(host);
await host.close();
process.stdout.write(`${JSON.stringify(sections)}\n`);
