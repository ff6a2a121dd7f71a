import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
import { readLine, readLines, say } from './starttls/replies.ts';

const DEADLINE_MS = 4000;

/** Copies of files: the list of modules, which it tells whoever asks. No module is opened. */
export const rsyncProbe: Probe = {
  protocol: 'rsync',
  ports: [873],
  recognises: (greeting) => /^@RSYNCD: \d/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const { greeting, list } = await talk(target, 'rsync', DEADLINE_MS, async (conversation) => {
      const greeting = await readLine(conversation);
      say(conversation, '@RSYNCD: 31.0\n#list');
      return { greeting, list: await readLines(conversation, (line) => /^@(RSYNCD: EXIT|ERROR)/.test(line)) };
    });
    const protocol = /^@RSYNCD: ([\d.]+)/.exec(greeting)?.[1];
    if (!protocol) throw stopped(target, 'rsync', 'no greeting of an rsync daemon came');
    const modules = modulesIn(list);
    return serviceResult('rsync', {
      product: 'rsync',
      access: 'unknown',
      what: `it lists ${modules.length} modules to whoever asks; whether they want a password was not tried`,
      details: { protocol, modules: modules.join(', ') },
    });
  },
};

/** A line each: its name, blanks, a tab and what it is for. */
export const modulesIn = (list: string): string[] =>
  list.split('\n').flatMap((line) => /^([^@\s][^\t]*)\t/.exec(line)?.[1]?.trimEnd() ?? []);
