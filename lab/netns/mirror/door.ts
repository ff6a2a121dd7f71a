/**
 * `node door.ts ADDRESS PORT`, run in the lab's namespace: listens there and hands the listening socket to the mirror,
 * which started it. A socket belongs to the namespace it was made in, whoever accepts on it.
 */
import { createServer } from 'node:net';

const [address, port] = process.argv.slice(2);
const server = createServer();
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.listen(Number(port), address, () => process.send?.('door', server));
// The mirror has it. Were we to stay, we would take every other connection, and answer none.
process.on('disconnect', () => process.exit());
