/** `node hidden.ts ADDRESS`: an SSH server there, on port 22, that lets nobody in. Says so when it listens. */
import { sshServer } from '../../../loop/discovery/testing/index.ts';

await sshServer(process.argv[2]!, undefined, 22);
process.stdout.write('listening\n');
