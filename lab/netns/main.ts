/** `npm run lab`: see options.ts for what it takes. */
import { down } from './down.ts';
import { inject } from './fault.ts';
import { execHere, execIn } from './inside.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { placeOf, whyNot, type Place } from './place.ts';
import { status, statusText } from './status.ts';
import { up } from './up.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const answer = (json: boolean, value: unknown, text: string): void =>
  void process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text);

async function act(place: Place, options: Exclude<Options, { action: 'help' }>): Promise<number> {
  switch (options.action) {
    case 'up': {
      await up(place, { hosts: options.hosts, say });
      const now = status(place);
      answer(options.json, now, statusText(now));
      return 0;
    }
    case 'down': {
      const done = await down(place);
      answer(options.json, done, done.idle ? 'nothing was up\n' : `down: ${done.ended} processes ended\n`);
      for (const { pid, command } of done.strangers)
        say(`not the lab's, and still in its namespace: ${pid} ${command}`);
      return 0;
    }
    case 'status': {
      const now = status(place);
      answer(options.json, now, statusText(now));
      return 0;
    }
    case 'fault': {
      const done = await inject(place, options.fault);
      answer(options.json, { done }, `${done}\n`);
      return 0;
    }
    case 'shell':
      return execHere(place, options.host, ['/bin/bash', '-l']);
    case 'exec': {
      if (!options.json) return execHere(place, options.host, options.argv);
      const ran = await execIn(place, options.host, options.argv);
      answer(true, ran, '');
      return ran.code;
    }
  }
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options.action === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const reason = whyNot(process.env);
  if (reason !== null) {
    say(reason);
    return 2;
  }
  try {
    return await act(placeOf(process.env), options);
  } catch (error) {
    say((error as Error).message);
    if (options.action === 'up') say('What is up stays up; npm run lab -- down takes it away.');
    return 1;
  }
}

process.exitCode = await main();
