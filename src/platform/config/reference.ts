import { type Setting, SETTINGS } from './table.ts';

/** docs/reference/config.md, made from the table; a test compares it with the file. */
export function configReference(): string {
  const rows = Object.values(SETTINGS as Record<string, Setting>).map(
    (s) => `| \`${s.env}\` | ${s.flag ? `\`${s.flag}\`` : ''} | ${s.shown} | ${s.about} |`,
  );
  return [
    '# Configuration',
    '',
    '<!-- Made from src/platform/config/table.ts by `npm run generate`; edit there. -->',
    '',
    'A flag wins over the environment, the environment over the default. An empty variable counts as not set. Everything',
    'is checked at start; a value that does not fit stops it with a message that names the variable.',
    '',
    '| environment | flag | default | what it is |',
    '|---|---|---|---|',
    ...rows,
    '',
    "libpq's own `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE` are not used; when one of them is set without",
    '`DATABASE_URL`, the start is refused, so that nothing lands in a database nobody meant.',
    '',
  ].join('\n');
}
