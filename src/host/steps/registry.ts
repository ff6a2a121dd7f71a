import type { HostStepKind } from '../../model/kit.ts';
import type { HostStep } from './contract.ts';
import { installCertificate } from './install-certificate.ts';
import { invalidateSessions } from './invalidate-sessions.ts';
import { reboot } from './reboot.ts';
import { rotateKey } from './rotate-key.ts';
import { service } from './service.ts';
import { setFileLine } from './set-file-line.ts';
import { setFileMode } from './set-file-mode.ts';
import { sysctl } from './sysctl.ts';
import { upgradePackage } from './upgrade-package.ts';
import { upgradePackages } from './upgrade-packages.ts';
import { writeFile } from './write-file.ts';

/** Every step that runs on a host, alphabetically. A new kind is a file beside these and a line here. */
export const HOST_STEPS = {
  'install-certificate': installCertificate,
  'invalidate-sessions': invalidateSessions,
  reboot,
  'rotate-key': rotateKey,
  service,
  'set-file-line': setFileLine,
  'set-file-mode': setFileMode,
  sysctl,
  'upgrade-package': upgradePackage,
  'upgrade-packages': upgradePackages,
  'write-file': writeFile,
} satisfies { [K in HostStepKind]: HostStep<K> };
