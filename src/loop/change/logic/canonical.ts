export { canonical, sha256 } from '../../enrollment/logic/canonical.ts';
