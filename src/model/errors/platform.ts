import type { ErrorSpec } from './spec.ts';

export const PLATFORM_ERRORS = {
  INPUT_INVALID: { status: 400, text: 'The input does not fit: {why}.' },
  UNAUTHENTICATED: {
    status: 401,
    text: 'Nobody is signed in: no session or token came along, or it is wrong, revoked or over. Sign in, or set LASTEMBER_TOKEN to a token that counts.',
  },
  FORBIDDEN: { status: 403, text: 'Your role ({role}) may not do this; it takes {needs}.' },
  NOT_FOUND: { status: 404, text: 'There is no {what} "{id}". List what there is with `lastember {list}`.' },
  LISTEN: {
    status: 500,
    text: 'Listening on {host} port {port} stopped: {why}. Choose another with --port or --agent-port.',
  },
  TOO_MANY: { status: 429, text: 'Too many tries; wait a minute.' },
  BODY_TOO_LARGE: { status: 413, text: 'The input was not read: {why}.' },
  AGENT_UNAUTHENTICATED: { status: 401, text: 'No valid agent certificate was shown; enrol first.' },
  CONFLICT: { status: 409, text: '{why}.' },
  INTERNAL: { status: 500, text: 'Something went wrong on the server; its log has request {request}.' },
  CONFIG_INVALID: { status: 500, text: 'Reading the configuration stopped: {why}. See docs/reference/config.md.' },
  DATA_DIR_UNUSABLE: {
    status: 500,
    text: 'The data directory {path} cannot be used: {why}. Choose another with --data or LASTEMBER_DATA_DIR.',
  },
  DATA_DIR_IN_USE: {
    status: 409,
    text: 'Another Lastember (process {pid}, since {since}) runs on the data directory {path}. Stop it first, or choose another with --data.',
  },
  DATABASE_UNAVAILABLE: {
    status: 503,
    text: 'The database does not answer ({why}); it is tried again by itself. If this goes on, look at {hint}.',
  },
  DATABASE_DISK_FULL: {
    status: 507,
    text: 'The disk that holds the database is full ({why}). Free some space; nothing that was acknowledged is lost.',
  },
  DATABASE_NOT_TRAVERSABLE: {
    status: 500,
    text: 'PostgreSQL does not run as root, and the user it runs as (uid {uid}) cannot enter {path}. Choose a data directory that others can enter with --data, or set DATABASE_URL.',
  },
  DATABASE_NO_BINARIES: {
    status: 500,
    text: 'There is no embedded PostgreSQL for {platform}. Set PG_BIN_DIR to the directory of an installed one (15 or newer), or DATABASE_URL.',
  },
  DATABASE_INIT: {
    status: 500,
    text: 'Creating the embedded database in {path} stopped: {why}. Set DATABASE_URL to use a PostgreSQL of your own.',
  },
  DATABASE_START: { status: 500, text: 'Starting the embedded PostgreSQL stopped: {why}. Its log is {log}.' },
  DATABASE_VERSION: {
    status: 500,
    text: 'The database in {path} was made by PostgreSQL {found}, but the binaries here are {have}. Set PG_BIN_DIR to binaries of version {found}.',
  },
  DATABASE_TOO_OLD: { status: 500, text: 'The database server is PostgreSQL {found}; 15 or newer is needed.' },
  SCHEMA_NEWER: {
    status: 500,
    text: 'The database was written by a newer Lastember (it has migration {found}, this one knows up to {known}). Install that version or newer.',
  },
  MIGRATION_CHANGED: {
    status: 500,
    text: 'Migration {name} is not the file that was applied to this database; merged migrations are never edited. Put the file back and add a new one.',
  },
  MIGRATION_MISNAMED: {
    status: 500,
    text: 'Migrations are named NNNN_words.sql with numbers of their own; {name} is not.',
  },
  UNRECORDED_WRITE: {
    status: 500,
    text: 'The change was refused: {why}. Every write to a protected table needs a trail entry; use platform.act, or tx.record inside platform.observe.',
  },
  ENTRY_INVALID: { status: 500, text: 'The trail entry "{type}" does not fit: {why}.' },
  SECRET_UNREADABLE: {
    status: 500,
    text: 'Secret {id} in the vault does not open: its row was altered, or the vault key is not the one it was sealed with.',
  },
  VAULT_KEY_INVALID: { status: 500, text: 'The vault key {path} cannot be used: {why}.' },
  VAULT_KEY_OTHER: {
    status: 500,
    text: 'The vault key in use is not the one this database was sealed with. Give every server the same key file with LASTEMBER_VAULT_KEY_FILE.',
  },
  JOB_INVALID: { status: 500, text: 'Enqueuing job {name} stopped: {why}.' },
} satisfies Record<string, ErrorSpec>;
