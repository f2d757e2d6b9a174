/**
 * What one key says about another, told together with everything else.
 */
import { describe, expect, it } from 'vitest';
import { gifts, smallest, stores, useFolder } from './written-config.ts';

const { load, complaints } = useFolder();

/** The smallest file with one line of its source changed. */
async function linesWith(from: string, to: string): Promise<readonly string[]> {
  if (!smallest.includes(from)) throw new Error(`the file has no ${from}`);
  return (await complaints(smallest.replace(from, to))).lines;
}

describe('when a marker expires', () => {
  const both = 'sources.gifts.columns: expiresAt and createdAt exclude each other: give one of them';
  const none =
    'sources.gifts.columns: must say when the marker expires: expiresAt (a column that says so), or createdAt (a column) with marker.ttl; marker.ttl is never for markers without an expiry';
  const noTtl =
    'sources.gifts.marker.ttl: is missing; with columns.createdAt it says how long a marker lives';
  const needless =
    'sources.gifts.marker.ttl: goes with columns.createdAt only; here columns.expiresAt says when it ends';

  it.each([
    ['expiresAt: expires_at', 'expiresAt: a, createdAt: b', [both]],
    [', expiresAt: expires_at', '', [none]],
    ['expiresAt: expires_at', 'createdAt: created_at', [noTtl]],
    ["value: '{attempt_id}'", "value: '{attempt_id}', ttl: 30s", [needless]],
  ])('is said once: %j changed to %j is a problem', async (from, to, problems) => {
    expect(await linesWith(from, to)).toEqual(problems);
  });

  it('is never, where markers have no expiry on purpose', async () => {
    const never = smallest
      .replace(', expiresAt: expires_at', '')
      .replace("value: '{attempt_id}'", "value: '{attempt_id}', ttl: never");
    expect((await load(never)).sources[0]).toMatchObject({
      columns: { expiry: { never: true } },
      rules: { endless: true, toleranceMs: 60_000 },
    });
    expect(await linesWith("value: '{attempt_id}'", "value: '{attempt_id}', ttl: never")).toEqual([
      'sources.gifts.marker.ttl: never goes without columns.expiresAt and columns.createdAt: such a window has no end',
    ]);
    expect(await linesWith("value: '{attempt_id}'", "value: '{attempt_id}', ttl: ever")).toContain(
      'sources.gifts.marker.ttl: must be a duration such as 30s, at most 3650d, or never; it is "ever"',
    );
  });

  it('needs a tolerance shorter than the time a marker lives', async () => {
    const grabs = smallest.replace('expiresAt', 'createdAt');
    const text = grabs.replace("'{attempt_id}'", 'any, ttl: 30s, tolerance: 30s');
    expect((await complaints(text)).lines).toEqual([
      'sources.gifts.marker.tolerance: must be shorter than marker.ttl (30s), or every expiry would do; it is "30s"',
    ]);
  });
});

describe('how a table is read', () => {
  const line = 'expiresAt: expires_at }';

  it('is by the stamped column, or by one of its own', async () => {
    const position = `${line}\n    position: { column: updated_at, overlap: 10m }`;
    const { sources } = await load(smallest.replace(line, position));
    expect(sources[0]).toMatchObject({
      columns: { change: null },
      position: { column: 'updated_at', overlap: { kind: 'time', ms: 600_000 } },
    });
    const both = position.replace('expires_at }', 'expires_at, change: change_xid }');
    expect(await linesWith(line, both)).toEqual([
      'sources.gifts.position: goes without columns.change: a table is read by the column that a trigger stamps, or by one of its own, which sees less; drop one of them',
    ]);
  });

  it('looks back by a time or by a number of ids, and says so', async () => {
    const ids = smallest.replace(line, `${line}\n    position: { column: id, overlap: 10000 }`);
    expect((await load(ids)).sources[0]?.position?.overlap).toEqual({ kind: 'ids', count: 10_000 });
    for (const overlap of ['0', '0s', '8d', '-5', '99999999999', 'much']) {
      const [problem] = (await complaints(ids.replace('10000', overlap))).lines;
      expect(problem).toMatch(/^sources\.gifts\.position\.overlap: must be a duration with its unit/);
    }
  });
});

it('a marker may be a field of a hash', async () => {
  const { sources } = await load(
    smallest.replace("value: '{attempt_id}'", "value: '{attempt_id}', hashField: owner"),
  );
  expect(sources[0]?.marker.hashField).toBe('owner');
  expect((await load(smallest)).sources[0]?.marker).not.toHaveProperty('hashField');
});

describe('a template', () => {
  it.each([
    ['gift:all', 'must name at least one column in braces, or all claims would share one marker'],
    ['gift:{uid}:{gift_id', 'has a brace that is not closed or not opened'],
    ['gift:{uid}}', 'has a brace that is not closed or not opened'],
    ['}{uid}{', 'has a brace that is not closed or not opened'],
  ])('%s %s', async (key, message) => {
    expect(await linesWith('gift:{uid}', key)).toEqual([
      `sources.gifts.marker.key: ${message}; it is ${JSON.stringify(key)}`,
    ]);
  });

  it('may hold a Redis Cluster hash tag', async () => {
    const { sources, warnings } = await load(smallest.replace('gift:{uid}', 'gift:{{uid}}'));
    expect(sources[0]?.marker.key).toEqual([
      { kind: 'literal', text: 'gift:{' },
      { kind: 'column', name: 'uid' },
      { kind: 'literal', text: '}' },
    ]);
    expect(warnings).toEqual([]);
  });

  it('with something else in braces is allowed with a warning', async () => {
    const { warnings } = await load(smallest.replace('gift:{uid}', '{gift-claims}:{uid}'));
    expect(warnings).toEqual([
      'sources.gifts.marker.key: "{gift-claims}" is taken literally, since it cannot be the name of a column',
    ]);
  });
});

describe('status words', () => {
  it('are in one list, once', async () => {
    expect(
      await linesWith('{ granted: granted }', '{ granted: [ok, done, ok], released: done, pending: new }'),
    ).toEqual([
      'sources.gifts.statuses: the word "ok" is twice in granted',
      'sources.gifts.statuses: the word "done" is in granted and in released',
    ]);
  });
});

describe('sources', () => {
  it('must be there, with names that keys and labels can hold', async () => {
    expect((await complaints(`${stores}sources: {}`)).lines).toEqual([
      'sources: must hold at least one source',
    ]);
    const name =
      'the name of a source must begin with a small letter and hold only small letters, digits, _ and -, at most 63';
    expect(await linesWith('  gifts:', '  Gifts:')).toEqual([`sources.Gifts: ${name}`]);
    expect(await linesWith('  gifts:', '  "a:b\\n":')).toEqual([`sources."a:b\\n": ${name}`]);
  });

  it('are refused when two have the same table and the same key', async () => {
    const twin = gifts
      .replace('gifts:', 'presents:')
      .replace('table: gift_claim', 'table: public.gift_claim');
    expect((await complaints(smallest + twin)).lines).toEqual([
      'sources.presents: has the same table and the same marker.key as sources.gifts; drop one of them',
    ]);
    const other = twin.replace('gift:{uid}', 'present:{uid}');
    expect((await load(smallest + other)).sources.map(({ name }) => name)).toEqual(['gifts', 'presents']);
  });

  it('get a warning when markers are over before their claims are judged', async () => {
    const grabs = smallest.replace('expiresAt', 'createdAt').replace("'{attempt_id}'", 'any, ttl: 30s');
    expect((await load(grabs)).warnings).toEqual([
      'sources.gifts.grace: 1m is not shorter than marker.ttl (30s): markers are over before their claims are judged, so that missing ones are never found',
    ]);
    expect((await load(`${grabs}    grace: 5s`)).warnings).toEqual([]);
  });
});

describe('the dashboard', () => {
  const credentials = 'credentials: { username: oncall, password: dashboard-secret }';
  const refusal =
    'http.credentials: must be given (username, password), because http.host is not a loopback address; without them listen on 127.0.0.1';

  it.each(['0.0.0.0', '::', '10.0.0.7', 'dashboard.internal', '127.0.0.1.example.com'])(
    'is not shown on %s without credentials',
    async (host) => {
      const http = `http: { host: '${host}'`;
      expect((await complaints(`${smallest}\n${http} }`)).lines).toEqual([refusal]);
      expect((await complaints(`${smallest}\n${http}, credentials: null }`)).lines).toEqual([refusal]);
      const { http: loaded } = await load(`${smallest}\n${http}, ${credentials} }`);
      expect(loaded.credentials).toEqual([{ username: 'oncall', password: 'dashboard-secret' }]);
    },
  );

  it('knows several people, each by a name of their own', async () => {
    const people = (...lines: string[]): string =>
      `${smallest}\nhttp: { readOnly: true, credentials: [${lines.join(', ')}] }`;
    const ada = '{ username: ada, password: one }';
    const { http } = await load(people(ada, '{ username: bob, password: two }'));
    expect(http).toMatchObject({ readOnly: true, credentials: [{ username: 'ada' }, { username: 'bob' }] });
    expect((await complaints(people(ada, '{ username: ada, pasword: two }'))).lines).toEqual([
      'http.credentials[1].password: is missing; it must be a password',
      'http.credentials[1].pasword: unknown key; did you mean password?',
      'http.credentials[1].username: is that of another entry; each person has a name of their own',
    ]);
  });

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])(
    'is shown on %s to everybody there',
    async (host) => {
      const { http } = await load(`${smallest}\nhttp: { host: '${host}', port: 0 }`);
      expect(http).toEqual({ host, port: 0, credentials: [], readOnly: false });
    },
  );
});
