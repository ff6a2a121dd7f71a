/** What tests of other folders start from. */
export { enroll } from '../enroll.ts';
export { openState } from '../state.ts';
