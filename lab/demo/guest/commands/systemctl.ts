/** `systemctl` of a demo host: hands its words to the host's supervisor. First argument: the host's root directory. */
import { connect } from 'node:net';
import { CONTROL_SOCKET } from '../machine.ts';

const [root, ...argv] = process.argv.slice(2);
process.chdir(root!);
const socket = connect(CONTROL_SOCKET);
let text = '';
socket.on('error', (error) => {
  process.stderr.write(`Failed to connect to bus: ${error.message}\n`);
  process.exitCode = 1;
});
socket.on('end', () => {
  const reply = JSON.parse(text) as { code: number; stdout: string; stderr: string };
  process.stdout.write(reply.stdout);
  process.stderr.write(reply.stderr);
  process.exitCode = reply.code;
});
socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
socket.write(`${JSON.stringify(argv)}\n`);
