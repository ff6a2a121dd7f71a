/** `npm run demo`: Lastember and an estate of real hosts on loopback addresses, and the whole loop walked on it. */
import { demoOptions, HELP } from '../lab/demo/run/options.ts';
import { runDemo } from '../lab/demo/run/main.ts';

try {
  const options = demoOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else process.exitCode = await runDemo(options);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
  process.exitCode = 2;
}
