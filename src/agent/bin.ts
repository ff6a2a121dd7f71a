import { RUNS } from './launch.ts';
import { main } from './main.ts';

void main(process.argv.slice(2)).then((code) => {
  if (code !== RUNS) process.exitCode = code;
});
