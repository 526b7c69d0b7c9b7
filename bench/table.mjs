// Tables of text, with aligned columns.

/**
 * @param {readonly (readonly string[])[]} rows the first is the heading
 * @param {number} left how many columns are words, aligned at their beginning; the others are figures
 */
export function table(rows, left) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < left ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

/**
 * `median (min–max)`, or a dash for what was not measured.
 * @param {import("./statistics.mjs").Summary | undefined} summary
 * @param {number} [digits] after the point; without it three that matter
 */
export function spreadCell(summary, digits) {
  if (summary === undefined) return "–";
  const [median, min, max] = [summary.median, summary.min, summary.max].map((value) =>
    value.toFixed(digits ?? Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(value))))),
  );
  return min === max ? `${median}` : `${median} (${min}–${max})`;
}
