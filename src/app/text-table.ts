/**
 * Text for terminals: harmless, and in columns.
 */

/**
 * Text for a terminal: control characters, which could move the cursor or change colours, are shown as their signs.
 * Claim ids and marker values come from users.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : '\ufffd';
  });
}

/** Rows as aligned columns, two spaces between; cells are made printable and cut at `cellMax` characters. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], cellMax = 60): string[] {
  const cells = [head, ...rows].map((row) => row.map((cell) => cut(printable(cell), cellMax)));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

/** `1 claim`, `2 claims`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
