export type LogFields = Record<string, string | number | boolean | null | undefined>;
/** Constant messages; what varies is in the fields. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
