/**
 * The page of metrics and the metrics there are belong together: name, type, labels, and no metric without its words.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { readText } from '../architecture/source-files.ts';
import { readToldMetrics, type ToldMetric } from './told-metrics.ts';

const page = readText('docs/metrics.md');
const rows = [...page.matchAll(/^\| `([a-z_]+)` \|(.*)\|$/gm)].map(([, name = '', cells = '']) => {
  const [type = '', labels = '', meaning = '', look = ''] = cells.split('|').map((cell) => cell.trim());
  return { name, type, labels, meaning, look };
});

let told: Map<string, ToldMetric>;
beforeAll(async () => {
  told = await readToldMetrics();
});

describe('docs/metrics.md', () => {
  it('tells every metric once, with its type and labels, and no other', () => {
    const described = rows.map(({ name, type, labels }) =>
      `claim_reconciler_${name} ${type} ${labels}`.trim(),
    );
    const there = [...told].map(([name, { type, labels }]) =>
      `${name} ${type} ${[...labels.keys()].join(', ')}`.trim(),
    );
    expect(described.toSorted()).toEqual(there.toSorted());
  });

  it('says of each what it is and what to look at', () => {
    const silent = rows.filter(({ meaning, look }) => meaning.length < 10 || look.length < 10);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('leads to files that are there', () => {
    for (const [, path = ''] of page.matchAll(/\]\(\.\.\/([^)#]+)\)/g)) expect(readText(path)).not.toBe('');
  });
});

describe('every metric', () => {
  it('has a name that says its unit, and a help text for people', () => {
    const bad = [...told].filter(([name, { type, help }]) => {
      const isNamed =
        type === 'counter' ? name.endsWith('_total') : type !== 'histogram' || name.endsWith('_seconds');
      const isPlain = !/_(ms|millis|minutes|percent)$/.test(name);
      return !(isNamed && isPlain && /^[A-Z0-9].{15,}\.$/.test(help));
    });
    expect(bad.map(([name]) => name)).toEqual([]);
  });
});
