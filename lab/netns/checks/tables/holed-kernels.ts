import type { Group } from '../spec.ts';

const FILE = '/srv/only-to-be-read';
const NOBODY = 'setpriv --reuid nobody --regid nogroup --clear-groups';

/** Whether whoever has an account changes a file of root's through that hole. */
export const tryHole = (hole: string): string => `${NOBODY} /srv/kernels/${hole}/try ${FILE}`;

const holed = (hole: string, name: string): Group => ({
  title: `a kernel with ${name}`,
  trials: [
    {
      check: `dirty-kernel/${hole}`,
      bad: `echo 'of root alone' >${FILE}`,
      // What it tells people to do is done by the two kits that it names, below.
      byHand: '',
      proof: tryHole(hole),
    },
  ],
  // One brings the newer kernel, the other one boots into it.
  afterwards: ['security-updates', 'kernel'],
});

/** On machines that boot such a kernel. */
export const DIRTY_PIPE = holed('dirty-pipe', 'Dirty Pipe');
export const DIRTY_COW = holed('dirty-cow', 'Dirty COW');
