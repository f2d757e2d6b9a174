/** URLs of a Redis that is found through several hosts. */
import { describe, expect, it } from 'vitest';
import { formatHosts, readRedisHosts, type RedisHosts } from '../../src/domain/redis-url.ts';

function read(text: string): RedisHosts {
  const reading = readRedisHosts(text);
  if (reading === null || 'problems' in reading) throw new Error(`not read: ${JSON.stringify(reading)}`);
  return reading.hosts;
}

function problemsOf(text: string): readonly string[] {
  const reading = readRedisHosts(text);
  return reading !== null && 'problems' in reading ? reading.problems : [];
}

it.each(['redis://host:6379/0', 'rediss://host', 'postgres://host/d', 'redis+sentinels://host/m', ''])(
  'is none of them: %s',
  (text) => expect(readRedisHosts(text)).toBeNull(),
);

describe('what is written is what is read', () => {
  it.each<[string, Partial<RedisHosts>]>([
    [
      'redis+sentinel://user:pass@h1:1,h2,[::1]:3,[::2]/my-master.x_1/7',
      {
        kind: 'sentinel',
        isTls: false,
        hosts: [
          { host: 'h1', port: 1 },
          { host: 'h2', port: 26_379 },
          { host: '::1', port: 3 },
          { host: '::2', port: 26_379 },
        ],
        primaryName: 'my-master.x_1',
        username: 'user',
        password: 'pass',
        database: 7,
      },
    ],
    ['redis+sentinel://h/m', { username: null, password: null, database: 0, parameters: new Map() }],
    ['redis+sentinel://:p%40%3A+@h/m/', { username: null, password: 'p@:+', database: 0 }],
    ['redis+sentinel://:a:b@h/m', { password: 'a:b' }],
    ['redis+sentinel://u@h/m', { username: 'u', password: null }],
    [
      'REDISS+SENTINEL://h/m?cacert=/a%20b.pem&&key=',
      {
        isTls: true,
        parameters: new Map([
          ['cacert', '/a b.pem'],
          ['key', ''],
        ]),
      },
    ],
    [
      'redis+sentinel://h/m?sentinelUsername=u&sentinelPassword=a+b=%26',
      {
        parameters: new Map([
          ['sentinelUsername', 'u'],
          ['sentinelPassword', 'a+b=&'],
        ]),
      },
    ],
    [
      'redis+cluster://u:p@h1,h2:7001',
      {
        kind: 'cluster',
        hosts: [
          { host: 'h1', port: 6379 },
          { host: 'h2', port: 7001 },
        ],
        primaryName: '',
      },
    ],
    ['rediss+cluster://h/0', { kind: 'cluster', isTls: true, database: 0 }],
  ])('%s', (text, expected) => {
    expect(read(text)).toMatchObject(expected);
  });

  it('and hosts are shown as they are written', () => {
    expect(formatHosts(read('redis+sentinel://h1,[::1]:3/m').hosts)).toBe('h1:26379, [::1]:3');
  });
});

describe('what is wrong is told, all of it, and nothing of what may be a password', () => {
  it.each([
    ['redis+sentinel:h/m', [/cannot be read/]],
    ['redis+sentinel://h/m/0/more', [/cannot be read/]],
    ['redis+sentinel://h', [/must name the primary behind the hosts/]],
    ['redis+sentinel://h/my%20master', [/must name the primary/]],
    ['redis+sentinel://h/m/zero', [/number of a database/]],
    ['redis+sentinel:///m', [/^host 1 must be a name/]],
    ['redis+sentinel://h1,,h:0,h:65536,h x/m', [/^host 2 /, /^host 3 /, /^host 4 /, /^host 5 /]],
    ['redis+sentinel://u:SECRET@x@h/m', [/has one of the characters/]],
    ['redis+sentinel://u:SECRET/x@h/m', [/has one of the characters/]],
    ['redis+sentinel://:%SECRET@h/m', [/has a % that is not followed/]],
    ['redis+sentinel://u:SEC:RET/m', [/^host 1 /]],
    ['redis+sentinel://h/m?cacert=/x', [/has cacert, which goes with rediss\+sentinel:\/\/ only/]],
    [
      'redis+sentinel://h/m?sentinelpasword=SECRET',
      [/has an unknown parameter sentinelpasword; .*; did you mean sentinelPassword\?$/],
    ],
    ['redis+sentinel://h/m?S-E-C-R-E-T', [/has an unknown parameter; known are cacert/]],
    ['redis+cluster://h/1', [/names a database/]],
    ['redis+cluster://h/0/1', [/behind the hosts/]],
    ['redis+cluster://h?sentinelPassword=SECRET', [/unknown parameter sentinelPassword/]],
    ['redis+sentinel://a b/?x=%', [/^host 1 /, /must name the primary/, /unknown parameter x/, /has a %/]],
  ])('%s', (text, said) => {
    const problems = problemsOf(text);
    expect(problems.join('\n')).not.toMatch(/SEC|RET/);
    expect(problems).toHaveLength(said.length);
    for (const expected of said) expect(problems.some((problem) => expected.test(problem))).toBe(true);
  });
});
