/**
 * What is changed from the pages: who may, what is asked for in whose name, and what is said when it does not work.
 */
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { Desk } from '../../src/http/desk.ts';
import { buildHttp } from '../../src/http/server.ts';
import { credentials, desk as nothingThere, httpOptions, signedIn } from './options.ts';

const apps: FastifyInstance[] = [];
let asked: unknown[][];
let desk: Desk;

beforeEach(() => {
  asked = [];
  const note =
    <Result>(result: Result) =>
    async (...what: unknown[]): Promise<Result> => {
      asked.push(what);
      return result;
    };
  desk = {
    ...nothingThere,
    acknowledge: note('acknowledged' as const),
    resume: note(true),
    askForPass: note('enqueued' as const),
    askByHand: note('job-1'),
  };
});
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

async function post(url: string, form: Record<string, string>, headers: InjectOptions['headers'] = signedIn) {
  const app = await buildHttp(httpOptions({ credentials: [credentials], desk }));
  apps.push(app);
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return app.inject({
    method: 'POST',
    url,
    payload: new URLSearchParams(form).toString(),
    headers: { ...type, ...headers },
  });
}

describe('a form', () => {
  it.each([
    ['/alerts/7/acknowledge', {}, ['7', 'ops'], '/#alerts'],
    ['/sources/gifts/resume', { for: '15m' }, ['gifts', 900_000, 'ops'], '/#source-gifts'],
    ['/sources/gifts/pass', {}, ['gifts', 'ops'], '/#source-gifts'],
    [
      '/by-hand/undo',
      { repair: '5' },
      [{ task: 'undo', which: { repairId: '5' }, by: 'ops' }],
      '/by-hand/job-1',
    ],
    [
      '/by-hand/apply',
      { plan: 'job-0' },
      [{ task: 'apply_plan', planJob: 'job-0', by: 'ops' }],
      '/by-hand/job-1',
    ],
  ])('at %s asks for it in the name of who is signed in', async (url, form, expected, place) => {
    const answer = await post(url, form);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, place]);
    expect(asked).toEqual([expected]);
  });

  it('plans first, for the very claim, whatever its id holds', async () => {
    const id = 'a b%2F\u001b[2J<script>\u202e&=+';
    await post('/by-hand/plan', { source: 'gifts', 'encoded-claim': encodeURIComponent(id) });
    const target = { kind: 'claim', id };
    expect(asked).toEqual([[{ task: 'repair', source: 'gifts', target, apply: false, by: 'ops' }]]);
  });

  it.each([
    ['/by-hand/plan', { source: 'gifts' }],
    ['/by-hand/plan', { source: 'gifts', 'encoded-claim': '%' }],
    ['/sources/gifts/resume', { for: '100d' }],
    ['/sources/gifts/resume', {}],
  ])('at %s that says too little changes nothing', async (url, form) => {
    expect((await post(url, form)).statusCode).toBe(400);
    expect(asked).toEqual([]);
  });

  it('of a page elsewhere, of somebody unknown, or in another format is refused', async () => {
    const url = '/alerts/7/acknowledge';
    expect((await post(url, {}, { ...signedIn, origin: 'https://elsewhere.example' })).statusCode).toBe(403);
    expect((await post(url, {}, {})).statusCode).toBe(401);
    expect((await post(url, {}, { ...signedIn, 'content-type': 'text/plain' })).statusCode).toBe(415);
    expect(asked).toEqual([]);
  });

  it('that cannot be carried out is answered with why', async () => {
    desk = {
      ...desk,
      askByHand: async () => {
        throw new OperatingError(
          'redis_unreachable',
          'The queue Redis is not connected; nothing was enqueued.',
        );
      },
      resume: async () => {
        throw new OperatingError('not_found', 'There is no source "<b>". Configured: gifts.');
      },
    };
    const undo = await post('/by-hand/undo', { repair: '5' });
    expect(undo.statusCode).toBe(503);
    expect(undo.body).toContain('nothing was enqueued');
    const resume = await post('/sources/%3Cb%3E/resume', { for: '1h' });
    expect(resume.statusCode).toBe(404);
    expect(resume.body).toContain('There is no source &quot;&lt;b&gt;&quot;');
  });
});

describe('a page', () => {
  it.each(['/explain?source=gifts&claim=1', '/discrepancies/1', '/by-hand/job-9', '/discrepancies/x'])(
    '%s of what is not there says so',
    async (url) => {
      const app = await buildHttp(httpOptions());
      apps.push(app);
      const answer = await app.inject({ url });
      expect(answer.statusCode).toBe(404);
      expect(answer.body).toMatch(/<h1>No such (claim|discrepancy|job)<\/h1>/);
    },
  );
});
