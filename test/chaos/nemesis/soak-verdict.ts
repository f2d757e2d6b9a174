/**
 * Whether something grew while it should not have: the rule of the soak run, over figures that were sampled at regular times.
 * The first fifth is warm-up and not looked at. Of the rest, the floor of the first third is compared with that of the last. The
 * floor (a tenth of the samples lie below it) and not the median: work comes and goes with the faults and the machine's other load,
 * but what leaks is never given back, and so raises the least that is seen. What ends above a tenth more, and above an allowance by
 * kind, has grown.
 */

/** Figures by name, such as `daemon 1: heap, MB`. What could not be read is absent. */
export type Sample = Readonly<Record<string, number>>;

export interface Growth {
  readonly figure: string;
  /** Floors. */
  readonly first: number;
  readonly last: number;
  readonly max: number;
  readonly samples: number;
  readonly grew: boolean;
}

const warmUpShare = 0.2;
const growthShareMax = 0.1;
/** Memory comes in steps of some megabytes; of connections, timers and descriptors a few come and go with every fault. */
const allowances = { MB: 10, count: 5 } as const;
/** Fewer in a third say nothing. */
const samplesMin = 5;

/** One line for each figure; throws when there are too few samples to tell. */
export function judgeSoak(samples: readonly Sample[]): Growth[] {
  const warm = samples.slice(Math.ceil(samples.length * warmUpShare));
  const names = new Set(warm.flatMap((sample) => Object.keys(sample)));
  return [...names].map((figure) => {
    const values = warm.flatMap((sample) => sample[figure] ?? []);
    const third = Math.floor(values.length / 3);
    if (third < samplesMin) throw new Error(`${values.length} samples of ${figure} are too few to tell`);
    const [first, last] = [floor(values.slice(0, third)), floor(values.slice(-third))];
    const allowance = figure.endsWith('MB') ? allowances.MB : allowances.count;
    const grew = last > first * (1 + growthShareMax) && last > first + allowance;
    return { figure, first, last, max: Math.max(...values), samples: values.length, grew };
  });
}

function floor(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? Number.NaN;
}

/** As a table of Markdown. */
export function soakTable(growths: readonly Growth[]): string {
  const rows = growths.map(
    ({ figure, first, last, max, grew }) =>
      `| ${figure} | ${round(first)} | ${round(last)} | ${round(max)} | ${grew ? 'GREW' : 'flat'} |`,
  );
  return ['| | first third | last third | most | |', '|---|---|---|---|---|', ...rows].join('\n');
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
