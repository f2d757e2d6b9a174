/**
 * A bar chart as SVG text: one bar a line, its title on the left, its figure behind it. Reads on light and dark pages alike.
 * Pure: writes no file.
 */

export interface Bar {
  readonly title: string;
  readonly value: number;
  /** What stands behind the bar. */
  readonly label: string;
  /** Drawn in the colour of what the chart is about. */
  readonly isOurs?: boolean;
}

const titleWidth = 270;
const barsWidth = 330;
const labelWidth = 130;
const barHeight = 20;
const gap = 8;
const top = 34;

export function drawBars(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const height = top + bars.length * (barHeight + gap) + gap;
  const width = titleWidth + barsWidth + labelWidth;
  const lines = bars.flatMap(({ title: name, value, label, isOurs = false }, at) => {
    const y = top + at * (barHeight + gap);
    const length = Math.max((value / most) * barsWidth, 1).toFixed(1);
    const middle = y + barHeight / 2 + 4;
    return [
      `<text x="${titleWidth - 8}" y="${middle}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${titleWidth}" y="${y}" width="${length}" height="${barHeight}" fill="${isOurs ? '#2f7d4f' : '#8a94a6'}"/>`,
      `<text x="${titleWidth + Number(length) + 6}" y="${middle}">${escaped(label)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<g font-family="system-ui, sans-serif" font-size="12" fill="#1f2733">`,
    `<text x="12" y="20" font-size="14" font-weight="600">${escaped(title)}</text>`,
    ...lines,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
