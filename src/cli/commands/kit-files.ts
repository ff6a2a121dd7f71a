import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { KitFolder } from '../../loop/audit/kit-tools/folder.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { count, list, show } from '../output.ts';
import { does, text } from '../run.ts';

/** What people do with kits on their own machine, without a server. Loaded when asked for: most commands need none of it. */
const tools = async () => ({
  ...(await import('../../loop/audit/kit-tools/folder.ts')),
  ...(await import('../../loop/audit/kit-tools/fixtures.ts')),
  ...(await import('../../loop/audit/kit-tools/parse.ts')),
  ...(await import('../../loop/audit/kit-tools/signature.ts')),
  ...(await import('../../loop/audit/kit-tools/skeleton.ts')),
});

export const readKitAt = async (path: string): Promise<KitFolder> => (await tools()).readKit(path);

export function addKitFiles(kit: Command): void {
  addNew(kit);
  addTest(kit);
  addSign(kit);
  addVerify(kit);
}

function addNew(kit: Command): void {
  does(
    kit.command('new <name>').description('Make a folder with a kit that works, to be changed'),
    async (context, [name]) => {
      const [path, id] = [name![0]!, name![0]!.split('/').at(-1)!];
      if (!/^[a-z0-9-]{1,60}$/.test(id))
        throw new UsageError(`a kit has a name of a-z, 0-9 and -, 60 at most, not "${id}"`);
      const made = await mkdir(path, { recursive: true });
      if (made === undefined) throw new UsageError(`${path} is there already; give the new kit another name`);
      const files = Object.entries((await tools()).skeleton(id));
      for (const [file, content] of files) {
        await mkdir(dirname(join(path, file)), { recursive: true });
        await writeFile(join(path, file), content);
      }
      show(context.output, { path, files: files.map(([file]) => file) }, [
        ['made', files.map(([file]) => join(path, file)).join(', ')],
        ['next', `change them, then: lastember kit test ${path}`],
      ]);
    },
  );
}

function addTest(kit: Command): void {
  const command = kit
    .command('test <source>')
    .description('Judge every check of a kit on its fixtures; exit 1 when one does not hold');
  does(command, async (context, [source]) => {
    const { parseKit, readKit, testKit } = await tools();
    const folder = await readKit(source![0]!);
    const tested = testKit(parseKit(folder.text, join(source![0]!, 'kit.yaml')), folder);
    const wrong = tested.filter(({ problems }) => problems.length > 0);
    list(
      context.output,
      tested,
      [
        { title: 'CHECK', of: (one) => one.check },
        { title: 'CASES', of: (one) => String(one.cases) },
        { title: 'HOLDS', of: (one) => (one.problems.length === 0 ? 'yes' : 'no') },
        { title: 'PROBLEMS', of: (one) => one.problems.join(' '), shrink: true },
      ],
      'No checks.',
    );
    if (wrong.length > 0) throw new Exit(EXIT.negative);
    if (!context.output.json) context.output.err(`${count(tested.length, 'check')}, all as their fixtures want.`);
  });
}

function addSign(kit: Command): void {
  const command = kit
    .command('sign <folder>')
    .description('Sign a kit: writes kit.sig beside kit.yaml, and prints the public key')
    .requiredOption('--key <file>', 'Ed25519 private key in PEM');
  does(command, async (context, [folder], options) => {
    const { parseKit, readKit, signKit } = await tools();
    const path = folder![0]!;
    const compiled = parseKit((await readKit(path)).text, join(path, 'kit.yaml'));
    const pem = await readFile(text(options, 'key')!, 'utf8').catch((error: Error) => {
      throw new UsageError(`--key cannot be read: ${error.message}`);
    });
    const { signature, publicKey } = signKit(compiled, pem);
    await writeFile(join(path, 'kit.sig'), `${signature}\n`);
    show(context.output, { kit: compiled.kit.kit, digest: compiled.digest, signature, publicKey }, [
      ['signed', `${compiled.kit.kit} ${compiled.kit.version}`],
      ['digest', compiled.digest],
      ['public key', publicKey],
      ['next', 'name the public key in LASTEMBER_KIT_KEYS of the server, then: lastember kit install'],
    ]);
  });
}

function addVerify(kit: Command): void {
  const command = kit
    .command('verify <source>')
    .description(
      'Read a kit without installing it: is it whole, what is its digest, who signed it; exit 1 when it was not one of --keys',
    )
    .option('--keys <list>', 'public keys, separated by commas');
  does(command, async (context, [source], options) => {
    const { parseKit, publicKey, readKit, signerOf } = await tools();
    const { text: yaml, signature } = await readKit(source![0]!);
    const { kit: found, digest, ...compiled } = parseKit(yaml, join(source![0]!, 'kit.yaml'));
    const keys = (text(options, 'keys') ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
    for (const key of keys) publicKey(key);
    const signer = signerOf({ kit: found, digest }, signature, keys);
    const said =
      signer ??
      (signature === null ? 'nobody' : keys.length > 0 ? 'none of --keys' : 'somebody; --keys tells whom to look for');
    show(
      context.output,
      { kit: found.kit, version: found.version, digest, checks: compiled.checks.length, signedBy: signer },
      [
        ['kit', `${found.kit} ${found.version}`],
        ['checks', String(compiled.checks.length)],
        ['digest', digest],
        ['signed by', said],
      ],
    );
    if (keys.length > 0 && signer === null) throw new Exit(EXIT.negative);
  });
}
