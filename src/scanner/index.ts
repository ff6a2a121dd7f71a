/** The face of this folder. */
export { stderrLog as scannerLog } from '../agent/log.ts';
export { runScanner } from './run.ts';
export { scannerUnit, tokenFile } from './unit.ts';
