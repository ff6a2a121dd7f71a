/** What tests of other folders start from. */
export { clientOf } from '../../agent/client.ts';
export { enroll } from '../enroll.ts';
export { openState } from '../state.ts';
