/**
 * The part of the overview page that shows one source: facts, what can be done, charts, and its tables.
 * Pure.
 */
import type { Activity } from '../postgres/activity.ts';
import type { SourceOverview } from '../postgres/overview.ts';
import { renderCharts } from './charts.ts';
import { html, type Fill, type Html } from './html.ts';
import { ago, badge, code, type Tone } from './page-parts.ts';
import { renderControls } from './source-controls.ts';
import {
  passTone,
  passWord,
  renderDiscrepancies,
  renderPasses,
  renderRepairs,
  renderUnfinished,
  renderVerdicts,
  type TableOptions,
} from './source-tables.ts';
import { formatCount, formatDuration, formatShare, formatTime } from './words.ts';

export function renderSource(source: SourceOverview, activity: Activity, options: TableOptions): Html {
  const { nowIso } = options;
  return html`<section id="source-${source.name}">
    <h2>
      ${source.name} ${badge(source.mode, 'plain')}
      <small>${source.table}, schedule <code>${source.schedule}</code></small>
    </h2>
    ${renderFacts(source, nowIso)} ${options.writable ? renderControls(source) : null}
    ${renderCharts(source.name, activity)} ${renderUnfinished(source, nowIso)} ${renderVerdicts(source)}
    ${renderDiscrepancies(source, nowIso)} ${renderPasses(source, nowIso)} ${renderRepairs(source, options)}
  </section>`;
}

function renderFacts(source: SourceOverview, nowIso: string): Html {
  const { checkpoint, horizon, brake } = source;
  const last = source.passes[0];
  return html`<dl class="facts">
    ${fact('Open discrepancies', openTone(source), formatOpen(source), null)}
    ${fact('Brake', brakeTones[brake.state], brake.state, describeBrake(source, nowIso))}
    ${renderConsistency(source)}
    ${
      last === undefined
        ? fact('Last pass', 'plain', 'none yet', null)
        : fact('Last pass', passTone(last), passWord(last), html`began ${ago(last.startedAt, nowIso)}`)
    }
    ${
      checkpoint === null
        ? fact('Checkpoint', 'plain', 'none yet', 'nothing is judged so far')
        : fact(
            'Checkpoint',
            'plain',
            `${formatDuration(checkpoint.ageMs)} old`,
            html`at
            ${[checkpoint.changeXid, checkpoint.value, checkpoint.id].map((part, at) =>
              part === null ? null : html`${at === 0 ? '' : ', '}${code(part)}`,
            )},
            last moved ${ago(checkpoint.movedAt, nowIso)}`,
          )
    }
    ${
      horizon === null
        ? fact('Horizon', 'plain', 'none yet', null)
        : fact(
            'Horizon',
            horizon.stalledBy === null ? 'plain' : 'warning',
            `${formatDuration(horizon.ageMs)} old`,
            horizon.stalledBy === null
              ? 'rows committed before it can be judged'
              : `held still by ${horizon.stalledBy}`,
          )
    }
  </dl>`;
}

function renderConsistency({ consistency }: SourceOverview): Html {
  if (consistency === null) {
    return fact('Consistent in 5 min', 'plain', '–', 'no claim was judged in the last hour');
  }
  const { judged, within } = consistency;
  const { '1m': soon, '5m': later, '15m': late } = within;
  return fact(
    'Consistent in 5 min',
    late < 1 ? 'warning' : 'good',
    formatShare(later),
    `${formatShare(soon)} within 1 min, ${formatShare(late)} within 15, of ${formatCount(judged)} judged in an hour`,
  );
}

function fact(name: string, tone: Tone, value: string, detail: Fill): Html {
  return html`<div class="${tone}">
    <dt>${name}</dt>
    <dd>
      <strong>${value}</strong>
      ${detail === null ? null : html`<span>${detail}</span>`}
    </dd>
  </div>`;
}

const brakeTones = { armed: 'good', tripped: 'critical', lifted: 'warning' } as const;

function describeBrake({ name, brake }: SourceOverview, nowIso: string): Fill {
  const since = brake.changedAt === null ? null : html` (${ago(brake.changedAt, nowIso)})`;
  switch (brake.state) {
    case 'armed':
      return 'repairs are made within the limits';
    case 'lifted':
      return html`no limits until ${formatTime(brake.liftedUntil ?? '')} UTC, by ${brake.changedBy}`;
    case 'tripped':
      return html`${brake.reason}${since}. No repair is made. When it is right to go on:
        <code>claim-reconciler resume --source ${name}</code>`;
  }
}

function openTone({ open, passes }: SourceOverview): Tone {
  if (open > 0) return 'warning';
  return passes.length === 0 ? 'plain' : 'good';
}

function formatOpen({ open, openIsCapped }: SourceOverview): string {
  return openIsCapped ? `over ${formatCount(open)}` : formatCount(open);
}
