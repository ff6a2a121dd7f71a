import type { Step } from './kit.ts';

export interface Version {
  name: string;
  version: string;
}

/** NAME=VERSION; neither half has an equals sign in it. */
export function versionOf(text: string): Version {
  const at = text.indexOf('=');
  return { name: text.slice(0, at), version: text.slice(at + 1) };
}

/** The packages that a step brings to a version; none for steps that are about something else. */
export function packagesOf(step: Step): Version[] {
  if (step.kind === 'upgrade-package') return [{ name: step.name, version: step.version }];
  return step.kind === 'upgrade-packages' ? step.packages.map(versionOf) : [];
}
