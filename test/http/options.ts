/**
 * Options for a server whose stores are functions, so that each test changes only what it is about.
 */
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { Desk } from '../../src/http/desk.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import type { HttpOptions } from '../../src/http/server.ts';
import { overviewOf, readAt } from './states.ts';

export const credentials = { username: 'ops', password: 'pa:ss wörd' };

/** Of a place where nothing is on record and nothing can be asked for. */
export const desk: Desk = {
  explain: async () => null,
  findSubject: async () => null,
  activity: async () => ({ bucketMs: 1_800_000, endsAtMs: Date.parse(readAt), bySource: new Map() }),
  acknowledge: async () => 'not_found',
  resume: async () => false,
  askForPass: async () => 'skipped',
  askByHand: async () => {
    throw new OperatingError('redis_unreachable', 'The queue Redis is not connected; nothing was enqueued.');
  },
  readByHand: async () => null,
};

/** What was logged, as `level sentence`. */
export type Logged = string[];

export function httpOptions(changes: Partial<HttpOptions> = {}, logged: Logged = []): HttpOptions {
  const overview = changes.overview ?? (async () => overviewOf({}));
  return {
    host: '127.0.0.1',
    port: 0,
    credentials: [],
    readOnly: false,
    queues: [],
    overview,
    desk,
    runbook: 'docs/runbook.md',
    readiness: async () => ({ ready: true, reasons: [] }),
    takeReport: async () => ({ reportId: '1', verdict: 'consistent', discrepancyId: null, note: 'fine' }),
    metrics: createMetrics({
      sources: ['gifts'],
      overview,
      openClaims: async () => new Map(),
      stateDeadlineMs: 100,
    }),
    log: {
      info: (_fields, sentence) => logged.push(`info ${sentence}`),
      warn: (_fields, sentence) => logged.push(`warn ${sentence}`),
    },
    ...changes,
  };
}

export function basic(username: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

export const signedIn = basic(credentials.username, credentials.password);
