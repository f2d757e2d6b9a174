/**
 * What the environment adds to the file.
 */
import { describe, expect, it } from 'vitest';
import { applyEnvironment } from '../../src/config/environment.ts';
import { gifts, smallest, useFolder } from './written-config.ts';

const { load, complaints } = useFolder();

describe('a variable in a value', () => {
  it.each([
    ['${NAME}', 'x'],
    ['a-${NAME}-${NAME}', 'a-x-x'],
    ['${NAME:-y}', 'x'],
    ['${NONE:-y}', 'y'],
    ['${EMPTY:-y}', 'y'],
    ['${EMPTY}', ''],
    ['${NONE:-}', ''],
    ['$${NAME}', '${NAME}'],
    ['$NAME and $$', '$NAME and $$'],
    ['${NESTED}', '${NAME}'],
  ])('%s becomes %s', (written, filled) => {
    const env = { NAME: 'x', EMPTY: '', NESTED: '${NAME}' };
    const { tree, problems } = applyEnvironment({ list: [{ key: written }] }, env);
    expect(problems).toEqual([]);
    expect(tree).toEqual({ list: [{ key: filled }] });
  });

  it('is not looked for in keys, and not among what every object has', () => {
    expect(applyEnvironment({ '${NAME}': '${constructor:-none}' }, { NAME: 'x' }).tree).toEqual({
      '${NAME}': 'none',
    });
  });

  it('can stand for a number as well as for a text', async () => {
    const { http } = await load(`${smallest}\nhttp: { port: '\${PORT}' }`, { env: { PORT: '8080' } });
    expect(http.port).toBe(8080);
  });

  it('is told once, with its name and place, when it is not set, and with the one that was meant', async () => {
    const text = `database:\n  url: postgres://h/d\nmarkerRedis:\n  url: redis://h:\${REDIS_PROT}\nsources:${gifts}`;
    const { lines } = await complaints(`${text}\ntimezone: \${TZ`, { env: { REDIS_PORT: '1' } });
    expect(lines).toEqual([
      'markerRedis.url: the environment variable REDIS_PROT is not set (write ${REDIS_PROT:-…} to give a default); did you mean REDIS_PORT?',
      'timezone: has a ${ that is not closed as ${NAME} or ${NAME:-default}; write $${ for the characters themselves',
    ]);
  });
});

describe('the variables above the file', () => {
  const env = {
    DATABASE_URL: 'postgres://e@127.0.0.1/e${NAME}',
    REDIS_URL: 'redis://127.0.0.1:1',
    QUEUE_REDIS_URL: 'redis://127.0.0.1:2',
  };

  it('win over it, and are taken as they are', async () => {
    const { database, markerRedis, queueRedis } = await load(smallest, { env });
    expect([database.url, markerRedis.url, queueRedis.url]).toEqual(Object.values(env));
  });

  it('do without what the file says, and without the variables it names', async () => {
    const { database } = await load(`sources:${gifts}`, { env });
    expect(database.url).toBe(env.DATABASE_URL);
    const url = 'database: { url: "${UNSET}" }\nmarkerRedis:\n';
    expect((await load(`${url}sources:${gifts}`, { env })).database.url).toBe(env.DATABASE_URL);
  });

  it('count as not set when they are empty', async () => {
    const { database, queueRedis } = await load(smallest, { env: { DATABASE_URL: '', QUEUE_REDIS_URL: '' } });
    expect(database.url).toContain('/claims');
    expect(queueRedis.url).toContain('redis-secret');
  });

  it('are named when they will not do', async () => {
    const { lines } = await complaints(smallest, {
      env: { DATABASE_URL: 'mysql://root:top-secret@db/claims' },
    });
    expect(lines).toEqual([
      expect.stringMatching(/^database\.url \(from DATABASE_URL\): must be the URL of the Postgres/),
    ]);
    expect(lines.join()).not.toContain('top-secret');
  });

  it('leave a section of the wrong shape to be complained about', async () => {
    const { lines } = await complaints(`database: postgres://x\nsources:${gifts}`, { env });
    expect(lines).toEqual(['database: must be a map with the keys url; it is a single value']);
  });
});
