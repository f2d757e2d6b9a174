/**
 * Takes reports of applications over HTTP: `POST /api/reports`, JSON in and out.
 * Invariants kept: 202 means that the report was stored; nothing of a refused body is repeated; what it may hold is bounded
 * before it is read. Who may send one is decided in `access.ts`: as for every write, credentials are needed.
 */
import type { FastifyInstance } from 'fastify';
import { OperatingError } from '../domain/operating-error.ts';
import type { ReportAnswer } from '../reconcile/report-claim.ts';

/** Stores what was said and judges it. Throws `bad_report` for what is no report. */
export type TakeReport = (said: unknown, by: string) => Promise<ReportAnswer>;

export const reportsPath = '/api/reports';

/** More than the longest report, with every character written as `\uXXXX`. */
const bodyBytesMax = 32 * 1_024;

/** Whoever sent it is on record for a report that names nobody itself. */
export async function registerReports(app: FastifyInstance, take: TakeReport): Promise<void> {
  await app.register(async (scope) => {
    // Only JSON: a form of another page can send plain text without being asked about.
    scope.removeContentTypeParser('text/plain');
    scope.post(reportsPath, { bodyLimit: bodyBytesMax }, async (request, reply) => {
      try {
        return await reply.code(202).send(await take(request.body, request.person ?? 'HTTP'));
      } catch (error) {
        if (!(error instanceof OperatingError) || error.code !== 'bad_report') throw error;
        return reply.code(400).send({ error: error.message });
      }
    });
  });
}
