/**
 * The pages people read: overview, one claim, marker or discrepancy, one job asked for by hand; and the state as JSON.
 * Invariant kept: a page whose state cannot be read says so, and shows no numbers.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { OperatingError } from '../domain/operating-error.ts';
import type { Activity } from '../postgres/activity.ts';
import type { Overview } from '../postgres/overview.ts';
import type { ExplainTarget } from '../reconcile/explain-claim.ts';
import { renderByHandPage } from './by-hand-page.ts';
import type { Desk } from './desk.ts';
import { renderNotice } from './document.ts';
import { renderExplainPage } from './explain-page.ts';
import { renderFailurePage, renderOverviewPage } from './overview-page.ts';
import { pageStyle } from './page-style.ts';
import { shareReading } from './shared-reading.ts';

export interface PagesOptions {
  overview(): Promise<Overview>;
  readonly desk: Desk;
  /** Whether anything may be changed here. */
  readonly writable: boolean;
  /** Where the run-book is. */
  readonly runbook: string;
}

const stateWithinMs = 5_000;
/** Charts of a day change little in this time, and are read from thousands of passes. */
const activityFreshMs = 10_000;
const noActivity: Activity = { bucketMs: 0, endsAtMs: 0, bySource: new Map() };

export function registerPages(app: FastifyInstance, options: PagesOptions): void {
  const { desk, writable } = options;
  const readState = shareReading(() => options.overview(), {
    // Whoever has just changed something sees it.
    freshMs: 0,
    deadlineMs: stateWithinMs,
    what: 'the state in Postgres',
  });
  const readActivity = shareReading(() => desk.activity(), {
    freshMs: activityFreshMs,
    deadlineMs: stateWithinMs,
    what: 'what passes did',
  });
  app.get<{ Querystring: { refresh?: string } }>('/', async (request, reply) => {
    reply.type('text/html; charset=utf-8');
    try {
      const overview = await readState();
      // The page is of use without charts.
      const activity = await readActivity().catch(() => noActivity);
      return renderOverviewPage(overview, activity, {
        refresh: request.query.refresh !== 'off',
        writable,
        runbook: options.runbook,
      });
    } catch (error) {
      return reply.code(503).send(renderFailurePage(messageOf(error)));
    }
  });
  app.get('/page.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(pageStyle));
  app.get('/api/status', async (_request, reply) => {
    try {
      return await readState();
    } catch (error) {
      return reply.code(503).send({ error: messageOf(error) });
    }
  });
  addLookups(app, desk, writable);
}

function addLookups(app: FastifyInstance, desk: Desk, writable: boolean): void {
  app.get<{ Querystring: Fields }>('/explain', async (request, reply) => {
    const asked = readTarget(request.query);
    if (asked === null)
      return sendNotice(reply, 400, 'Nothing was asked for', ['Name a source, and a claim or a marker.']);
    return showExplained(reply, desk, asked, { writable, asked: request.query['ask'] === 'yes' });
  });
  app.get<{ Params: { id: string } }>('/discrepancies/:id', async (request, reply) => {
    const { id } = request.params;
    const found = await attempt(reply, () => desk.findSubject(id));
    if (found === undefined) return reply;
    if (found === null)
      return sendNotice(reply, 404, 'No such discrepancy', [`There is no discrepancy ${id}.`]);
    return showExplained(reply, desk, found, { writable, asked: false });
  });
  app.get<{ Params: { id: string } }>('/by-hand/:id', async (request, reply) => {
    const { id } = request.params;
    const job = await attempt(reply, () => desk.readByHand(id));
    if (job === undefined) return reply;
    if (job === null) {
      return sendNotice(reply, 404, 'No such job', [
        `There is no job ${id}: it was never asked for, or is forgotten. What was changed is in the journal.`,
      ]);
    }
    return reply.type('text/html; charset=utf-8').send(renderByHandPage(job, { writable }));
  });
}

/** What a query or a form says. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** Of people's own typing, or as `hiddenFields` of the page encodes it; null where it names nothing. */
export function readTarget(fields: Fields): { source: string; target: ExplainTarget } | null {
  const source = fields['source'] ?? '';
  const id = textOf(fields, 'claim');
  const key = textOf(fields, 'marker');
  if (source === '') return null;
  if (id !== '') return { source, target: { kind: 'claim', id } };
  return key === '' ? null : { source, target: { kind: 'marker', key } };
}

function textOf(fields: Fields, name: string): string {
  const typed = fields[name] ?? '';
  if (typed !== '') return typed;
  try {
    return decodeURIComponent(fields[`encoded-${name}`] ?? '');
  } catch {
    return '';
  }
}

async function showExplained(
  reply: FastifyReply,
  desk: Desk,
  { source, target }: { readonly source: string; readonly target: ExplainTarget },
  options: { readonly writable: boolean; readonly asked: boolean },
): Promise<FastifyReply> {
  const told = await attempt(reply, () => desk.explain(source, target, options.asked));
  if (told === undefined) return reply;
  if (told === null) {
    const what = target.kind === 'claim' ? 'claim' : 'marker';
    return sendNotice(reply, 404, `No such ${what}`, [
      `There is no such ${what} in ${source}, and nothing is on record of one. Is it the right source?`,
    ]);
  }
  return reply.type('text/html; charset=utf-8').send(renderExplainPage(told, target, options));
}

/** The result; undefined when it failed, and the page that says so was sent. */
export async function attempt<T>(reply: FastifyReply, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    const status = error.code === 'not_found' ? 404 : error.code === 'configuration' ? 400 : 503;
    sendNotice(reply, status, 'That did not work', [error.message]);
    return undefined;
  }
}

export function sendNotice(
  reply: FastifyReply,
  status: number,
  title: string,
  sentences: readonly string[],
): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(renderNotice(title, sentences));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
