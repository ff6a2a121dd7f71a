import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { chainPem, checkChain, fingerprintOf } from '../pki/chain.ts';
import { readCertificates, spkiOf } from '../pki/read.ts';
import { sha256 } from '../canonical.ts';
import { readText, type Host } from '../host.ts';
import { NO_EFFECTS, type HostStep, type Seen, type StepContext } from './contract.ts';
import { octal } from './copy.ts';
import { guardPath } from './guard.ts';
import { newKeyPath, readKeyFile } from './rotate-key.ts';

type InstallStep = StepOf<'install-certificate'>;

/** Puts new key and chain where the service reads them. What the authority sent is believed only as far as it is proven. */
export const installCertificate: HostStep<'install-certificate'> = {
  kind: 'install-certificate',
  async inspect(host, step, context) {
    guardPath(step.keyPath);
    guardPath(step.certificatePath);
    const after = await planned(host, step, context);
    const live = await readKeyFile(host, step.keyPath);
    const before = context.resumed ?? {
      key: await describe(host, step.keyPath, live ? spkiOf(live) : null),
      certificate: await describe(host, step.certificatePath, null),
    };
    const installed =
      live !== null && spkiOf(live) === after.spki && (await certificateOf(host, step)) === after.fingerprint;
    if (installed) return { before, effects: NO_EFFECTS, already: after };
    const files = [step.keyPath, step.certificatePath].map((path) => ({ path, change: 'replaced' }));
    return { before, effects: { ...NO_EFFECTS, files } };
  },
  async apply(host, step, before, context) {
    const after = await planned(host, step, context);
    const waiting = await host.read(newKeyPath(step.keyPath));
    for (const part of [before['key'], before['certificate']] as Seen[]) await backUp(host, part);
    // Without a waiting key, a try that was cut off has put it in place already; `planned` has checked that.
    if (waiting !== null) await host.write(step.keyPath, waiting, modeOf(before['key'], 0o600));
    const chain = Buffer.from(chainPem(context.inputs.certificateChain ?? ''));
    await host.write(step.certificatePath, chain, modeOf(before['certificate'], 0o644));
    await host.remove(newKeyPath(step.keyPath));
    return after;
  },
  async undo(host, step, before) {
    for (const part of [before['key'], before['certificate']] as Seen[]) await putBack(host, part);
    const live = await readKeyFile(host, step.keyPath);
    return { spki: live ? spkiOf(live) : null, fingerprint: await certificateOf(host, step) };
  },
  async settle(host, before) {
    for (const part of [before['key'], before['certificate']] as Seen[]) {
      if (typeof part['backup'] === 'string') await host.remove(part['backup']);
    }
  },
};

interface Installed extends Seen {
  spki: string;
  fingerprint: string;
  serial: string;
  names: readonly string[];
  notAfter: string;
}

/** Checks the chain against the plan, this host's new key and the key that has to go. */
async function planned(host: Host, step: InstallStep, context: StepContext): Promise<Installed> {
  const refuse = (why: string): AppError => new AppError('STEP_CHAIN', { path: step.certificatePath, why });
  const chain = context.inputs.certificateChain;
  if (chain === undefined) throw refuse('no certificate came with the task');
  const key = (await readKeyFile(host, newKeyPath(step.keyPath))) ?? (await readKeyFile(host, step.keyPath));
  if (!key) throw refuse(`there is no key at ${newKeyPath(step.keyPath)}`);
  const spki = spkiOf(key);
  const old = context.task.steps.find((other) => other.kind === 'rotate-key' && other.keyPath === step.keyPath);
  if (old?.kind === 'rotate-key' && old.oldSpki === spki) throw refuse('the key is still the old one');
  const current = (await readText(host, step.certificatePath, 262_144)) ?? '';
  const checked = checkChain(chain, current, {
    spki,
    names: step.names,
    issuerSpki: step.issuerSpki,
    now: context.now(),
  });
  if ('why' in checked) throw refuse(checked.why);
  const { leaf } = checked;
  return {
    spki,
    fingerprint: fingerprintOf(leaf),
    serial: leaf.serialNumber,
    names: step.names,
    notAfter: leaf.validToDate.toISOString(),
  };
}

async function certificateOf(host: Host, step: InstallStep): Promise<string | null> {
  try {
    const leaf = readCertificates((await readText(host, step.certificatePath, 262_144)) ?? '')[0];
    return leaf ? fingerprintOf(leaf) : null;
  } catch {
    return null;
  }
}

async function describe(host: Host, path: string, spki: string | null): Promise<Seen> {
  const bytes = await host.read(path);
  if (bytes === null) return { path, exists: false };
  const mode = octal((await host.stat(path))?.mode ?? 0o600);
  // The hash of a key file is as good as a fingerprint of the key: its public half names it, the file's hash stays here.
  const name = spki ?? sha256(bytes);
  return {
    path,
    exists: true,
    mode,
    ...(spki ? { spki } : { sha256: name }),
    backup: `${path}.bak-${name.slice(0, 8)}`,
  };
}

const modeOf = (part: unknown, otherwise: number): number => {
  const mode = (part as Seen | undefined)?.['mode'];
  return typeof mode === 'string' ? Number.parseInt(mode, 8) : otherwise;
};

/** Once: a second try must not take the new file for the old one. */
async function backUp(host: Host, part: Seen): Promise<void> {
  const backup = part['backup'];
  if (typeof backup !== 'string' || (await host.stat(backup)) !== null) return;
  const bytes = await host.read(String(part['path']));
  if (bytes !== null) await host.write(backup, bytes, 0o600);
}

async function putBack(host: Host, part: Seen): Promise<void> {
  const path = String(part['path']);
  if (part['exists'] !== true) return host.remove(path);
  const bytes = await host.read(String(part['backup']));
  // No backup: the step was cut off before it touched anything.
  if (bytes === null) return undefined;
  await host.write(path, bytes, modeOf(part, 0o600));
  return host.remove(String(part['backup']));
}
