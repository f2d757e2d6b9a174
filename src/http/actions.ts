/**
 * What people change from the pages: forms, answered by a redirect to where the change can be seen.
 * Invariants kept: only what was asked for on a page of this origin, by a person with a name (see `access.ts`); a repair is
 * planned first, and carried out only as it was shown.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ByHandPayload } from '../schedule/by-hand-payload.ts';
import type { Desk } from './desk.ts';
import { attempt, readTarget, sendNotice, type Fields } from './pages.ts';
import { liftTimes } from './source-controls.ts';

type Form = FastifyRequest<{ Body: Fields | null; Params: { id: string } }>;

/** More than the longest honest id, encoded. */
const bodyBytesMax = 128 * 1_024;
/** In a scope of its own: the forms' way of sending is understood here only. */
export async function registerActions(app: FastifyInstance, desk: Desk): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: bodyBytesMax },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    addStateActions(scope, desk);
    addByHandActions(scope, desk);
  });
}

function addStateActions(scope: FastifyInstance, desk: Desk): void {
  scope.post('/alerts/:id/acknowledge', async (request: Form, reply) => {
    const { id } = request.params;
    const outcome = await attempt(reply, () => desk.acknowledge(id, personOf(request)));
    if (outcome === undefined) return reply;
    if (outcome === 'not_found') return sendNotice(reply, 404, 'No such alert', [`There is no alert ${id}.`]);
    // Somebody was faster, or it is over: the overview shows which.
    return reply.redirect('/#alerts', 303);
  });
  scope.post('/sources/:id/resume', async (request: Form, reply) => {
    const { id: source } = request.params;
    const liftMs = new Map<string, number>(Object.entries(liftTimes)).get(request.body?.['for'] ?? '');
    if (liftMs === undefined) {
      return sendNotice(reply, 400, 'For how long?', [
        `Choose one of ${Object.keys(liftTimes).join(', ')}. Nothing was changed.`,
      ]);
    }
    const lifted = await attempt(reply, () => desk.resume(source, liftMs, personOf(request)));
    return lifted === undefined ? reply : reply.redirect(`/#source-${source}`, 303);
  });
  scope.post('/sources/:id/pass', async (request: Form, reply) => {
    const { id: source } = request.params;
    const asked = await attempt(reply, () => desk.askForPass(source, personOf(request)));
    return asked === undefined ? reply : reply.redirect(`/#source-${source}`, 303);
  });
}

function addByHandActions(scope: FastifyInstance, desk: Desk): void {
  const ask = async (reply: FastifyReply, payload: ByHandPayload): Promise<FastifyReply> => {
    const jobId = await attempt(reply, () => desk.askByHand(payload));
    return jobId === undefined ? reply : reply.redirect(`/by-hand/${jobId}`, 303);
  };
  scope.post('/by-hand/plan', async (request: Form, reply) => {
    const asked = readTarget(request.body ?? {});
    if (asked === null) {
      return sendNotice(reply, 400, 'Nothing was asked for', ['Name a source, and a claim or a marker.']);
    }
    return ask(reply, { task: 'repair', ...asked, apply: false, by: personOf(request) });
  });
  scope.post('/by-hand/apply', async (request: Form, reply) =>
    ask(reply, {
      task: 'apply_plan',
      planJob: request.body?.['plan'] ?? '',
      by: personOf(request),
    }),
  );
  scope.post('/by-hand/undo', async (request: Form, reply) => {
    const repairId = request.body?.['repair'] ?? '';
    return ask(reply, { task: 'undo', which: { repairId }, by: personOf(request) });
  });
}

/** Writes are refused before this where nobody is known. */
function personOf({ person }: Form): string {
  return person ?? 'somebody at the dashboard';
}
