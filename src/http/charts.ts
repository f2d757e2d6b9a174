/**
 * Charts of what passes did over time, drawn on the server as SVG: no script, and the colours of the style sheet.
 * Pure. Scales and ticks are those of D3 (`d3-scale`); each bar tells its numbers when it is pointed at, and a table below
 * tells them all.
 */
import { scaleBand, scaleLinear, scaleUtc } from 'd3-scale';
import type { Activity, ActivityBucket } from '../postgres/activity.ts';
import { html, type Html } from './html.ts';
import { table } from './page-parts.ts';
import { formatCount, formatDuration, formatTime } from './words.ts';

type Series = 'judged' | 'found' | 'repaired';

/** In units of the drawing; the page scales it to its column. */
const width = 440;
const height = 130;
const margin = { top: 8, right: 6, bottom: 20, left: 40 } as const;
const yTicks = 3;
const xTicks = 5;

/** Two charts, since a thousand claims are judged for each that is bad; null where no pass ran. */
export function renderCharts(name: string, { bySource, bucketMs, endsAtMs }: Activity): Html | null {
  const buckets = bySource.get(name) ?? [];
  if (buckets.every(({ judged, troubled }) => judged === 0 && troubled === 0)) return null;
  const frame = { buckets, bucketMs, endsAtMs };
  return html`<h3>The last ${Math.round((bucketMs * buckets.length) / 3_600_000)} hours</h3>
    <div class="charts">
      ${renderChart('Claims judged', frame, ['judged'])}
      ${renderChart('Found bad, and repaired', frame, ['found', 'repaired'])}
    </div>
    ${renderNumbers(frame)}`;
}

interface Frame {
  readonly buckets: readonly ActivityBucket[];
  readonly bucketMs: number;
  readonly endsAtMs: number;
}

function renderChart(title: string, frame: Frame, series: readonly Series[]): Html {
  const { buckets, bucketMs, endsAtMs } = frame;
  const totals = series.map((one) => `${formatCount(sum(buckets, one))} ${one}`).join(', ');
  const max = Math.max(1, ...buckets.flatMap((bucket) => series.map((one) => bucket[one])));
  const y = scaleLinear([0, max], [height - margin.bottom, margin.top]).nice(yTicks);
  const x = scaleBand<number>([margin.left, width - margin.right])
    .domain(buckets.keys())
    .paddingInner(0.2);
  const barWidth = x.bandwidth() / series.length;
  const bars = buckets.flatMap((bucket, at): Html[] =>
    series
      .filter((one) => bucket[one] > 0)
      .map((one) => {
        // What is there is seen, however little.
        const top = Math.min(y(bucket[one]), height - margin.bottom - 1);
        const began = formatTime(new Date(startOf(frame, at)).toISOString());
        return html`<rect
          class="${one}"
          x="${round((x(at) ?? 0) + series.indexOf(one) * barWidth)}"
          y="${round(top)}"
          width="${round(barWidth)}"
          height="${round(height - margin.bottom - top)}"
        >
          <title>${began} UTC: ${formatCount(bucket[one])} ${one}</title>
        </rect>`;
      }),
  );
  const legend = series.map(
    (one) => html`<span class="key ${one}">${formatCount(sum(buckets, one))} ${one}</span>`,
  );
  return html`<figure>
    <figcaption>${title} <small>${series.length > 1 ? legend : totals}</small></figcaption>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${totals}">
      ${renderY(y.ticks(yTicks), y)} ${renderX(endsAtMs - bucketMs * buckets.length, endsAtMs)} ${bars}
    </svg>
  </figure>`;
}

function renderY(ticks: readonly number[], y: (value: number) => number): Html[] {
  return ticks
    .filter(Number.isInteger)
    .map(
      (tick) =>
        html`<line
            class="grid"
            x1="${margin.left}"
            x2="${width - margin.right}"
            y1="${round(y(tick))}"
            y2="${round(y(tick))}"
          />
          <text x="${margin.left - 5}" y="${round(y(tick) + 4)}" text-anchor="end"
            >${short.format(tick)}</text
          >`,
    );
}

const short = new Intl.NumberFormat('en-GB', { notation: 'compact' });

function renderX(fromMs: number, toMs: number): Html[] {
  const x = scaleUtc([fromMs, toMs], [margin.left, width - margin.right]);
  return x
    .ticks(xTicks)
    .map(
      (tick) =>
        html`<text x="${round(x(tick))}" y="${height - 5}" text-anchor="middle">
          ${tick.toISOString().slice(11, 16)}
        </text>`,
    );
}

/** For whoever cannot point, or wants to copy. */
function renderNumbers(frame: Frame): Html {
  const rows = frame.buckets.flatMap((bucket, at): string[][] => {
    const { judged, found, repaired, troubled } = bucket;
    if (judged + found + repaired + troubled === 0) return [];
    const began = formatTime(new Date(startOf(frame, at)).toISOString());
    return [[began, ...[judged, found, repaired, troubled].map(formatCount)]];
  });
  return html`<details>
    <summary>The numbers, per ${formatDuration(frame.bucketMs)}</summary>
    ${table(['From (UTC)', 'Judged', 'Found bad', 'Repaired', 'Passes that did not complete'], rows)}
  </details>`;
}

function startOf({ buckets, bucketMs, endsAtMs }: Frame, at: number): number {
  return endsAtMs - bucketMs * (buckets.length - at);
}

function sum(buckets: readonly ActivityBucket[], series: Series): number {
  return buckets.reduce((total, bucket) => total + bucket[series], 0);
}

function round(length: number): number {
  return Math.round(length * 100) / 100;
}
