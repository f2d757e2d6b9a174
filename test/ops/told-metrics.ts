/**
 * All metrics that a daemon tells, as they are scraped from one of which everything is known: type, labels, values.
 */
import type { CanaryRound } from '../../src/domain/canary.ts';
import type { IndexSizes } from '../../src/http/index-gauges.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { overviewOf } from '../http/states.ts';
import { readExpression } from './promql.ts';

export interface ToldMetric {
  readonly type: string;
  readonly help: string;
  /** By label; of a histogram without `le`. */
  readonly labels: Map<string, Set<string>>;
}

const passedRound: CanaryRound = {
  id: '1',
  claimId: '1',
  fault: 'missing_marker',
  outcome: 'passed',
  ageMs: 3,
  foundMs: 1,
  repairedMs: 2,
};

/** Those of our own, by name. */
export async function readToldMetrics(): Promise<Map<string, ToldMetric>> {
  const openClaims: IndexSizes = new Map([['gifts', { entries: 1, oldestMs: 1 }]]);
  const known = { oldestOpenMs: 1, reports: { unjudged: 1, oldestMs: 1 } };
  const metrics = createMetrics({
    sources: ['gifts'],
    overview: async () => overviewOf(known),
    openClaims: async () => openClaims,
    canary: async () => ({ everyMs: 1, passed: passedRound }),
  });
  return parse((await metrics.scrape()).body);
}

function parse(exposition: string): Map<string, ToldMetric> {
  const told = new Map<string, ToldMetric>();
  const helps = new Map<string, string>();
  let current: { readonly name: string; readonly metric: ToldMetric } | null = null;
  for (const line of exposition.split('\n')) {
    const [, about, name = '', words = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (about === 'HELP') helps.set(name, words);
    if (about === 'TYPE') {
      current = { name, metric: { type: words, help: helps.get(name) ?? '', labels: new Map() } };
      if (name.startsWith('claim_reconciler_')) told.set(name, current.metric);
    }
    const [, labels] = /^[a-z_]+\{(.*)\} \S+$/.exec(line) ?? [];
    for (const [, label = '', value = ''] of (labels ?? '').matchAll(/(\w+)="([^"]*)"/g)) {
      if (current === null || label === 'le') continue;
      const values = current.metric.labels.get(label) ?? new Set();
      current.metric.labels.set(label, values.add(value));
    }
  }
  return told;
}

/** Labels that Prometheus adds to whatever it scrapes. */
const targetLabels = new Set(['instance', 'job']);

/** What an expression says of metrics, labels or values that are not told; empty when all of it is. */
export function strangersIn(text: string, told: ReadonlyMap<string, ToldMetric>): string[] {
  const { selectors, groupings } = readExpression(text);
  const found: string[] = [];
  for (const { metric, matchers } of selectors) {
    const labels = labelsOf(metric, told);
    if (labels === null) found.push(`${metric} is no metric`);
    for (const { label, sign, value } of matchers) {
      const values = labels?.get(label);
      if (values === undefined) found.push(`${metric} has no label ${label}`);
      if (value.startsWith('$')) continue;
      for (const one of sign.endsWith('~') ? value.split('|') : [value]) {
        if (values?.has(one) === false) found.push(`${metric} has no ${label} ${one}`);
      }
    }
  }
  for (const { labels, metrics } of groupings) {
    if (metrics.length === 0) found.push(`nothing is grouped by ${labels.join(', ')}`);
    for (const metric of metrics) {
      const known = labelsOf(metric, told);
      for (const label of labels) {
        if (known?.has(label) === false && !targetLabels.has(label))
          found.push(`${metric} has no label ${label}`);
      }
    }
  }
  return found;
}

/** The labels that the result of an expression can have: all that it groups by, or those of its metrics. */
export function labelsOfResult(text: string, told: ReadonlyMap<string, ToldMetric>): Set<string> {
  const { selectors, groupings } = readExpression(text);
  const isAggregated = /^(sum|max|min|avg|count|histogram_quantile|absent)\b/.test(text);
  if (isAggregated) return new Set(groupings.flatMap(({ labels }) => labels));
  return new Set([
    ...targetLabels,
    ...selectors.flatMap(({ metric }) => [...(labelsOf(metric, told)?.keys() ?? [])]),
  ]);
}

function labelsOf(
  name: string,
  told: ReadonlyMap<string, ToldMetric>,
): ReadonlyMap<string, ReadonlySet<string>> | null {
  const metric = told.get(name);
  if (metric !== undefined) return metric.type === 'histogram' ? null : metric.labels;
  const [, base = '', series] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const histogram = told.get(base);
  if (histogram?.type !== 'histogram') return null;
  return series === 'bucket' ? new Map([...histogram.labels, ['le', new Set<string>()]]) : histogram.labels;
}
