/**
 * Reports over HTTP: who may send one, what is refused before it is read, and what is answered.
 */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { TakeReport } from '../../src/http/reports.ts';
import { buildHttp } from '../../src/http/server.ts';
import { basic, credentials, httpOptions, signedIn, type Logged } from './options.ts';

const apps: FastifyInstance[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

const said = { source: 'gifts', markerKey: 'gift:1', attempt: 'a1', reason: 'DEL timed out' };
const answer = { reportId: '7', verdict: 'orphan_marker', discrepancyId: '3', note: 'open' } as const;

interface Sent {
  readonly response: LightMyRequestResponse;
  /** What was taken, and for whom. */
  readonly taken: readonly (readonly [unknown, string])[];
  readonly logged: Logged;
}

async function send(
  request: InjectOptions = {},
  { take = async () => answer, open = false }: { take?: TakeReport; open?: boolean } = {},
): Promise<Sent> {
  const taken: [unknown, string][] = [];
  const logged: Logged = [];
  const takeReport: TakeReport = async (report, by) => {
    taken.push([report, by]);
    return take(report, by);
  };
  const options = open ? { takeReport } : { takeReport, credentials: [credentials] };
  const app = await buildHttp(httpOptions(options, logged));
  apps.push(app);
  const response = await app.inject({
    method: 'POST',
    url: '/api/reports',
    payload: said,
    headers: signedIn,
    ...request,
  });
  return { response, taken, logged };
}

describe('a report', () => {
  it('is taken for the user that sent it, and the answer says what became of it', async () => {
    const { response, taken, logged } = await send();
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual(answer);
    expect(response.headers['content-type']).toContain('application/json');
    expect(response.headers['cache-control']).toBe('no-store');
    expect(taken).toEqual([[said, 'ops']]);
    // A flood of reports is no flood of log lines: each is on record.
    expect(logged).toEqual([]);
  });

  it('that is stored and not judged yet is acknowledged all the same', async () => {
    const later = { reportId: '8', verdict: null, discrepancyId: null, note: 'the next pass judges it' };
    const { response } = await send({}, { take: async () => later });
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual(later);
  });

  it('is refused with all that is wrong with it', async () => {
    const words =
      'The report is refused; nothing was stored:\n  - source: is missing\n  - reason: is missing';
    const take = async () => Promise.reject(new OperatingError('bad_report', words));
    const { response, logged } = await send({}, { take });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ error: words });
    expect(logged).toEqual([]);
  });

  it('that could not be stored is an error of the server, with its reason', async () => {
    const take = async () => Promise.reject(new OperatingError('postgres_unreachable', 'Postgres is down.'));
    const { response, logged } = await send({}, { take });
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ error: 'Postgres is down.' });
    expect(logged).toEqual(['warn an HTTP request failed']);
  });
});

describe('nobody gets in', () => {
  it('without credentials, with wrong ones, or where none are configured', async () => {
    for (const headers of [{}, basic('ops', 'wrong'), { authorization: 'Bearer x' }]) {
      const { response, taken } = await send({ headers });
      expect(response.statusCode).toBe(401);
      expect(taken).toEqual([]);
    }
    const { response, taken } = await send({}, { open: true });
    expect(response.statusCode).toBe(403);
    expect(response.json()).toEqual({
      error: 'Nothing can be changed here without credentials. Nothing was changed. Set http.credentials.',
    });
    expect(taken).toEqual([]);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin', { origin: 'null' }],
  ])('from a page of %s, although the browser knows the credentials', async (_, headers) => {
    const { response, taken } = await send({ headers: { ...signedIn, ...headers } });
    expect(response.statusCode).toBe(403);
    expect(taken).toEqual([]);
  });

  it('by another method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const) {
      const { response, taken } = await send({ method });
      expect(response.statusCode).toBe(404);
      expect(taken).toEqual([]);
    }
  });
});

describe('a body', () => {
  const hostile = '<script>alert(1)</script>\u202e\u001b[2J';

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['text/html', 415],
    ['', 415],
  ])('of type %j is not read: %i', async (type, status) => {
    const headers = { ...signedIn, 'content-type': type };
    const { response, taken } = await send({ headers, payload: JSON.stringify(said) });
    expect(response.statusCode).toBe(status);
    expect(taken).toEqual([]);
  });

  it.each([
    ['that is no JSON', `${hostile}{`],
    ['that would change what objects are', `{"__proto__": {"source": "${hostile}"}}`],
    ['that is cut off', `{"source": "gifts", "reason": "${hostile}`],
    ['that is empty', ''],
  ])('%s is refused, and nothing of it comes back', async (_, payload) => {
    const headers = { ...signedIn, 'content-type': 'application/json' };
    const { response, taken } = await send({ headers, payload });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toContain('application/json');
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    for (const part of ['script', '202e', '\u202e', '001b', '\u001b'])
      expect(response.body).not.toContain(part);
    expect(taken).toEqual([]);
  });

  it('as long as the longest report is read, however it is written; a longer one is not', async () => {
    const escaped = (length: number): string => '\\u00e9'.repeat(length);
    const headers = { ...signedIn, 'content-type': 'application/json' };
    const longest = `{"source":"${escaped(63)}","markerKey":"${escaped(1_024)}","attempt":"${escaped(200)}","reason":"${escaped(1_000)}","by":"${escaped(200)}"}`;
    expect((await send({ headers, payload: longest })).response.statusCode).toBe(202);
    const { response, taken } = await send({ headers, payload: { ...said, reason: 'x'.repeat(40_000) } });
    expect(response.statusCode).toBe(413);
    expect(taken).toEqual([]);
  });
});
