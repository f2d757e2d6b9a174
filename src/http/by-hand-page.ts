/**
 * The page of a job that a person asked for: what is planned, with the button that carries it out; or what was done.
 * Pure. What a job left in the queue could have been written by anyone with access to its Redis: it is shown as text, and
 * what has not the shape of a result is not shown.
 */
import { z } from 'zod';
import { nameByHand } from '../schedule/by-hand-payload.ts';
import type { ByHandJob } from '../schedule/by-hand-queue.ts';
import { byHandPath } from './board.ts';
import { button, renderDocument } from './document.ts';
import { html, type Html } from './html.ts';
import { badge, code, table, type Tone } from './page-parts.ts';
import { formatCount, formatTime, spell } from './words.ts';

const planned = z.object({
  task: z.literal('repair'),
  source: z.string(),
  checked: z.number(),
  plan: z.array(
    z.object({
      claimId: z.string().nullable(),
      markerKey: z.string().nullable(),
      verdict: z.string(),
      marker: z.string(),
      would: z.string(),
      repairs: z.boolean(),
    }),
  ),
  skipped: z.array(z.object({ claimId: z.string().nullable(), markerKey: z.string(), why: z.string() })),
  file: z.unknown(),
  report: z
    .object({
      outcome: z.string(),
      reason: z.string().nullable(),
      repairs: z.record(z.string(), z.number()),
    })
    .nullable(),
});
const undone = z.object({
  task: z.literal('undo'),
  source: z.string(),
  undone: z.array(
    z.object({
      repairId: z.string(),
      markerKey: z.string(),
      outcome: z.string(),
      why: z.string().nullable(),
    }),
  ),
});
const resultSchema = z.discriminatedUnion('task', [planned, undone]);
type Planned = z.infer<typeof planned>;
type Undone = z.infer<typeof undone>;

const refreshSeconds = 1;
const tones: Readonly<Record<ByHandJob['state'], Tone>> = {
  waiting: 'plain',
  running: 'plain',
  done: 'good',
  failed: 'critical',
};

export function renderByHandPage(job: ByHandJob, { writable }: { readonly writable: boolean }): string {
  const name = job.payload.kind === 'readable' ? nameByHand(job.payload.payload) : 'a job of an unknown kind';
  const isOver = job.state === 'done' || job.state === 'failed';
  const lines = job.lines.map((line) => html`<li>${line}</li>`);
  return renderDocument({
    title: name,
    next: isOver ? null : { inSeconds: refreshSeconds, path: byHandPath(job.id) },
    main: html`<p class="trail"><a href="/">Overview</a> › by hand</p>
      <section class="case ${tones[job.state]}">
        <h1>${capital(name)} ${badge(job.state, tones[job.state])}</h1>
        <p>${askedBy(job)}</p>
        ${job.error === null ? null : html`<p class="error">${job.error}</p>`}
        ${isOver ? null : html`<p class="nothing">The page shows what came of it by itself.</p>`}
        ${job.state === 'done' ? renderResult(job, writable) : null}
      </section>
      <section>
        <h2>What it said</h2>
        ${
          lines.length === 0
            ? html`<p class="nothing">Nothing yet.</p>`
            : html`<ul class="records">
                ${lines}
              </ul>`
        }
        <p><a href="/queues/queue/by-hand/${encodeURIComponent(job.id)}">The job on the board</a></p>
      </section>`,
  });
}

function askedBy({ payload, askedAtMs }: ByHandJob): string {
  const who = payload.kind === 'readable' ? payload.payload.by : 'somebody';
  if (askedAtMs === null) return `Asked for by ${who}, at a time that is not known.`;
  return `Asked for by ${who}, ${formatTime(new Date(askedAtMs).toISOString())} UTC.`;
}

function renderResult(job: ByHandJob, writable: boolean): Html {
  const parsed = resultSchema.safeParse(job.result);
  if (!parsed.success) {
    return html`<p class="error">What the job left cannot be read. The journal shows what was changed.</p>`;
  }
  return parsed.data.task === 'undo'
    ? renderUndone(parsed.data)
    : renderRepair(parsed.data, job.id, writable);
}

function renderRepair(
  { plan, skipped, report, file, checked }: Planned,
  id: string,
  writable: boolean,
): Html {
  const rows = plan.map((line) => [
    line.claimId === null ? '(no row)' : code(line.claimId),
    spell(line.verdict),
    line.markerKey === null ? '–' : code(line.markerKey),
    code(line.marker),
    line.would,
  ]);
  const repairs = plan.filter((line) => line.repairs).length;
  const isPlan = report === null;
  const tableOf = (): Html =>
    table(['Claim', 'Verdict', 'Marker', 'Held', isPlan ? 'Would' : 'Was to'], rows);
  return html`${isPlan ? null : html`<p>${sumUp(report)}</p>`}
  ${rows.length === 0 ? html`<p class="nothing">${nothingIn(checked)}</p>` : tableOf()}
  ${renderSkipped(skipped)} ${isPlan && repairs > 0 ? renderApply(repairs, file, id, writable) : null}`;
}

function nothingIn(checked: number): string {
  return checked === 0
    ? 'Nothing was judged: there is no such claim, it changed within its grace period, or it is not as it was planned.'
    : `${formatCount(checked)} judged, and nothing to repair.`;
}

function sumUp({ outcome, reason, repairs }: NonNullable<Planned['report']>): string {
  const some = Object.entries(repairs).filter(([, count]) => count > 0);
  const made = some.map(([word, count]) => `${formatCount(count)} ${spell(word)}`).join(', ');
  return `Repairs: ${made === '' ? 'none' : made}; ${outcome}${reason === null ? '' : `: ${reason}`}.`;
}

function renderSkipped(skipped: Planned['skipped']): Html | null {
  if (skipped.length === 0) return null;
  const rows = skipped.map(({ claimId, markerKey, why }) => [
    claimId === null ? '(no row)' : code(claimId),
    code(markerKey),
    why,
  ]);
  return html`<h2>Skipped: not as it was planned</h2>
    ${table(['Claim', 'Marker', 'Why'], rows)}`;
}

function renderApply(repairs: number, file: unknown, id: string, writable: boolean): Html {
  if (file === null || file === undefined) {
    return html`<p class="nothing">
      There are too many repairs to be carried out from here: the command line can.
    </p>`;
  }
  if (!writable) return html`<p class="nothing">Carrying it out needs credentials.</p>`;
  const label = repairs === 1 ? 'Carry out this repair' : `Carry out these ${formatCount(repairs)} repairs`;
  return html`<div class="actions">
    ${button('/by-hand/apply', label, { plan: id })}
    <small>each only if all is still as it is shown here</small>
  </div>`;
}

function renderUndone({ undone: results }: Undone): Html {
  if (results.length === 0) {
    return html`<p class="nothing">
      Nothing to undo: no repair was applied there, or all were undone already.
    </p>`;
  }
  const rows = results.map(({ repairId, markerKey, outcome, why }) => [
    `#${repairId}`,
    code(markerKey),
    outcome === 'undone' ? badge('undone', 'good') : html`${badge('not undone', 'warning')} ${why}`,
  ]);
  return html`${table(['Repair', 'Marker', 'Result'], rows)}
    <p class="nothing">What was undone is held: no pass repairs it again. A repair by hand does.</p>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
