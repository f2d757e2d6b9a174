/**
 * The Grafana dashboard and the Prometheus rules against the metrics there are. `promtool check rules` says more of the
 * rules, where it is at hand; it is not needed here.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readText } from '../architecture/source-files.ts';
import { readExpression } from './promql.ts';
import { labelsOfResult, readToldMetrics, strangersIn, type ToldMetric } from './told-metrics.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

const dashboard = JSON.parse(readText('ops/grafana-dashboard.json')) as {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
};
const { groups } = parse(readText('ops/prometheus-rules.yaml'), { uniqueKeys: true }) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

let told: Map<string, ToldMetric>;
beforeAll(async () => {
  told = await readToldMetrics();
});

function labelsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, label]) => label ?? '');
}

describe('the dashboard', () => {
  it('has the parts that a person looks for, each with panels', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'State',
      'Drift',
      'Repairs',
      'Latency',
      'Schedule',
      'Distributor and open claims',
      'Canary',
    ]);
    expect(dashboard).toMatchObject({
      title: 'claim-reconciler',
      uid: 'claim-reconciler',
      schemaVersion: 39,
    });
    expect(panels.length).toBeGreaterThan(20);
  });

  it('numbers every panel once and lays none over another', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}:${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x >= 0 && x + w <= 24)).toBe(true);
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    '%s: has a unit, a description, and asks for what is told',
    (title, { description = '', fieldConfig, targets = [] }) => {
      expect(title).not.toBe('');
      expect(description).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit).toMatch(/^(s|short|cps|percentunit|bool_(yes_no|on_off))$/);
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      for (const { expr, legendFormat } of targets) {
        expect(strangersIn(expr, told)).toEqual([]);
        const known = labelsOfResult(expr, told);
        for (const label of labelsIn(legendFormat, /\{\{(\w+)\}\}/g)) expect(known).toContain(label);
      }
    },
  );

  it('lets a person choose the source by a metric that has it', () => {
    const [, metric = '', label = ''] =
      /^label_values\((\w+), (\w+)\)$/.exec(
        dashboard.templating.list.find(({ name }) => name === 'source')?.definition ?? '',
      ) ?? [];
    expect(told.get(metric)?.labels.has(label)).toBe(true);
    const used = labelsIn(JSON.stringify(dashboard.panels), /\$\{?(\w+)/g).filter(
      (name) => !name.startsWith('__'),
    );
    expect([...new Set(used)].toSorted()).toEqual(
      dashboard.templating.list.map(({ name }) => name).toSorted(),
    );
  });
});

describe('the alert rules', () => {
  it('are there for all that must not go unnoticed, each once', () => {
    const names = rules.map(({ alert }) => alert.replace(/^ClaimReconciler/, ''));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'DaemonAbsent',
        'NoHolder',
        'CheckpointOld',
        'HorizonStalled',
        'BrakeTripped',
        'DriftHigh',
        'CriticalAlertOpen',
        'OpenClaimsGrow',
        'DistributorSilent',
        'CanaryLate',
      ]),
    );
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s: asks for what is told, and says what to do',
    (_, rule) => {
      expect(rule.alert).toMatch(/^ClaimReconciler([A-Z][a-z]+)+$/);
      expect(rule.labels.severity).toMatch(/^(warning|critical)$/);
      expect(rule.for ?? '1m').toMatch(/^\d+[mh]$/);
      expect(strangersIn(rule.expr, told)).toEqual([]);
      const { summary = '', description = '', runbook_url: runbook = '', ...others } = rule.annotations;
      expect(others).toEqual({});
      expect(summary.length).toBeGreaterThan(20);
      expect(description).toMatch(/^[A-Z`].{40,}\.$/s);
      expect(runbook).toMatch(/^docs\/runbook\.md#[a-z_]+$/);
      const known = labelsOfResult(rule.expr, told);
      for (const label of labelsIn(summary + description, /\$labels\.(\w+)/g)) expect(known).toContain(label);
    },
  );
});

describe('what is wrong in an expression', () => {
  it.each([
    ['sum(claim_reconciler_lease_held', 'not balanced'],
    ['sum(claim_reconciler_open_claims{source="a")}', 'not balanced'],
    ['claim_reconciler_open_claims{source}', 'a matcher is not understood'],
    ['claim_reconciler_open_claims{source="a" source="b"}', 'a matcher is not understood'],
    ['sum without (source) (claim_reconciler_open_claims)', 'without is not understood'],
    ['claim_reconciler_open_claims # all', 'not understood at'],
  ])('%s is refused', (text, why) => {
    expect(() => readExpression(text)).toThrow(why);
  });

  it.each([
    ['claim_reconciler_lease', ['claim_reconciler_lease is no metric']],
    ['claim_reconciler_lease_held{source=~"$source"}', ['claim_reconciler_lease_held has no label source']],
    ['claim_reconciler_brake_state{state="off"}', ['claim_reconciler_brake_state has no state off']],
    [
      'claim_reconciler_repairs_total{action=~"write_claim|delete"}',
      ['claim_reconciler_repairs_total has no action delete'],
    ],
    [
      'max by (verdict) (claim_reconciler_open_claims)',
      ['claim_reconciler_open_claims has no label verdict'],
    ],
    [
      'rate(claim_reconciler_pass_duration_seconds[5m])',
      ['claim_reconciler_pass_duration_seconds is no metric'],
    ],
    ['sum by (le) (rate(claim_reconciler_pass_duration_seconds_bucket[5m] offset 1h)) > 2', []],
    ['absent(claim_reconciler_state_up) and on (source) vector(1)', null],
  ])('%s: its strangers are told', (text, strangers) => {
    if (strangers === null) expect(() => strangersIn(text, told)).toThrow('on is not understood');
    else expect(strangersIn(text, told)).toEqual(strangers);
  });
});
