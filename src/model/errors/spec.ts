/** One row of the catalogue. `text` says what was being done and what to do; `{name}` is filled from params. */
export interface ErrorSpec {
  status: number;
  text: string;
}
