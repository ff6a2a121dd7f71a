/** What a spreadsheet would take for a formula, also behind spaces. */
const FORMULA = /^\s*[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20]/;

/**
 * One cell, as RFC 4180 has it. Names and evidence come from hosts, known or not: none of them may become a formula on the
 * desk of whoever opens the file, so that such a text gets an apostrophe before it, as OWASP advises.
 */
function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvLine = (cells: readonly (string | number | null)[]): string => `${cells.map(csvCell).join(',')}\r\n`;
