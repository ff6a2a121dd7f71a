import type { HostStepKind } from '../../model/kit.ts';
import type { HostStep } from './contract.ts';
import { installCertificate } from './install-certificate.ts';
import { invalidateSessions } from './invalidate-sessions.ts';
import { lockUser } from './lock-user.ts';
import { packageHold } from './package-hold.ts';
import { reboot } from './reboot.ts';
import { rotateKey } from './rotate-key.ts';
import { runScript } from './run-script.ts';
import { service } from './service.ts';
import { setFileLine } from './set-file-line.ts';
import { setFileMode } from './set-file-mode.ts';
import { setFileSection } from './set-file-section.ts';
import { sysctl } from './sysctl.ts';
import { upgradePackage } from './upgrade-package.ts';
import { upgradePackages } from './upgrade-packages.ts';
import { writeFile } from './write-file.ts';

/** Every step that runs on a host, alphabetically. A new kind is a file beside these and a line here. */
export const HOST_STEPS = {
  'install-certificate': installCertificate,
  'invalidate-sessions': invalidateSessions,
  'lock-user': lockUser,
  'package-hold': packageHold,
  reboot,
  'rotate-key': rotateKey,
  'run-script': runScript,
  service,
  'set-file-line': setFileLine,
  'set-file-mode': setFileMode,
  'set-file-section': setFileSection,
  sysctl,
  'upgrade-package': upgradePackage,
  'upgrade-packages': upgradePackages,
  'write-file': writeFile,
} satisfies { [K in HostStepKind]: HostStep<K> };
