/**
 * The keys of a source's distributor: where it is, how it is asked, and what never gets into a message.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Source } from '../../src/domain/source.ts';
import { gifts, smallest, stores, useFolder } from './written-config.ts';

const { folder, load, complaints } = useFolder();

const place = 'sources.gifts.distributor';

/** The smallest file with this distributor, and what else its source says. */
function withDistributor(distributor: string, rest = ''): string {
  return `${smallest}    distributor: ${distributor}\n${rest}`;
}

async function sourceOf(text: string, env: NodeJS.ProcessEnv = {}): Promise<Source | undefined> {
  return (await load(text, { env })).sources[0];
}

async function linesOf(distributor: string, rest = ''): Promise<readonly string[]> {
  return (await complaints(withDistributor(distributor, rest))).lines;
}

describe('a distributor', () => {
  it.each(['', 'null', '~'])('is none when it is left out or empty: %j', async (distributor) => {
    const source = await sourceOf(withDistributor(distributor));
    expect(source?.distributor).toBeNull();
    expect(source?.rules.notGranted).toBe('grant');
  });

  it('at a url gets every default', async () => {
    const source = await sourceOf(withDistributor('{ url: https://gifts.internal/grants }'));
    expect(source?.distributor).toEqual({
      kind: 'http',
      url: 'https://gifts.internal/grants',
      headers: {},
      timeoutMs: 3_000,
      retries: 2,
    });
    expect(source?.rules.notGranted).toBe('grant');
  });

  it('at a url is taken as it says, with the environment filled in', async () => {
    const text = withDistributor(`
      url: \${GIFTS_URL}
      headers: { Authorization: 'Bearer \${GIFTS_TOKEN}', x-shop: one }
      timeout: 500ms
      retries: 0
      notGranted: release
`);
    const env = { GIFTS_URL: 'http://gifts.internal:8080/v1/grants?tenant=7', GIFTS_TOKEN: 'top-secret' };
    const source = await sourceOf(text, env);
    expect(source?.distributor).toEqual({
      kind: 'http',
      url: 'http://gifts.internal:8080/v1/grants?tenant=7',
      headers: { authorization: 'Bearer top-secret', 'x-shop': 'one' },
      timeoutMs: 500,
      retries: 0,
    });
    expect(source?.rules.notGranted).toBe('release');
  });

  it('in a module is looked for from the folder of the file, wherever the program runs', async () => {
    for (const [written, file] of [
      ['./distributor.mjs', join(folder(), 'distributor.mjs')],
      ['../shop/distributor.mjs', join(folder(), '../shop/distributor.mjs')],
      ['/srv/shop/distributor.mjs', '/srv/shop/distributor.mjs'],
    ]) {
      const text = withDistributor(`{ module: ${written}, timeout: 2s, notGranted: release }`);
      const { sources } = await load(text, { env: { PWD: '/elsewhere' } });
      expect(sources[0]?.distributor).toEqual({ kind: 'module', file, timeoutMs: 2_000 });
      expect(sources[0]?.rules.notGranted).toBe('release');
    }
  });

  it('is in one place', async () => {
    const none = `${place}: must say where it is: url (an HTTP address), or module (a file of the application)`;
    expect(await linesOf('{}')).toEqual([none]);
    expect(await linesOf('{ timeout: 1s }')).toEqual([none]);
    expect(await linesOf('{ url: http://h, module: ./d.mjs }')).toEqual([
      `${place}: url and module exclude each other: give one of them`,
    ]);
    expect(await linesOf('{ module: ./d.mjs, headers: { a: b }, retries: 1 }')).toEqual([
      `${place}.headers: goes with url only; here module says how it is asked`,
      `${place}.retries: goes with url only; here module says how it is asked`,
    ]);
  });

  it.each([
    ['https://gifts.internal/grants', /must be a map with the keys url, headers, module,/],
    ['{ url: gifts.internal }', /\.url: must be the HTTP address of the distributor/],
    ['{ url: ftp://gifts.internal }', /\.url: must be the HTTP address/],
    ['{ url: "https://gifts.internal/#a" }', /\.url: must be the HTTP address/],
    ['{ url: }', /\.url: is empty; it must be the HTTP address/],
    ['{ module: "" }', /\.module: is empty; it must be the path of a module/],
    ['{ url: http://h, timeout: 3 }', /\.timeout: must be a duration .* at most 10m; it is "3"$/],
    ['{ url: http://h, timeout: 0s }', /\.timeout: must be a duration/],
    ['{ url: http://h, retries: 11 }', /\.retries: must be a whole number from 0 to 10; it is "11"$/],
    ['{ url: http://h, notGranted: ask }', /\.notGranted: must be grant or release; it is "ask"$/],
    ['{ url: http://h, header: {} }', /\.header: unknown key; did you mean headers\?$/],
    ['{ url: http://h, headers: [a] }', /\.headers: must be a map of header names; it is a list$/],
  ])('%s is told what to do', async (distributor, expected) => {
    expect(await linesOf(distributor)).toEqual([expect.stringMatching(expected)]);
  });

  it('that is wrong is told together with everything else', async () => {
    const text = `${stores}sources:${gifts.replace('mode: observe', 'mode: on')}    grace: 1s
    distributor: { url: x, module: y, headers: { host: a, 'a b': c }, timeout: 5s, retries: -1 }
`;
    const { lines } = await complaints(text);
    expect(lines.map((line) => line.replace(/: .*/, ''))).toEqual([
      'sources.gifts.mode',
      `${place}.url`,
      `${place}.headers.host`,
      `${place}.headers."a b"`,
      `${place}.retries`,
      place,
      'sources.gifts.grace',
    ]);
  });
});

describe('headers', () => {
  const value = 'must be the value of an HTTP header: printable ASCII, without blanks at its ends';

  it.each([
    ['{ x-key: "" }', `x-key: ${value}`],
    ['{ x-key: }', `x-key: ${value}`],
    ['{ x-key: [a] }', `x-key: ${value}`],
    ['{ x-key: "a\\nx-evil: b" }', `x-key: ${value}`],
    ['{ x-key: "a " }', `x-key: ${value}`],
    ['{ x-key: größe }', `x-key: ${value}`],
    ['{ "x:key": a }', '"x:key": must be the name of an HTTP header, such as authorization'],
    ['{ Idempotency-Key: a }', 'Idempotency-Key: is set by the program itself; leave it out'],
    ['{ Content-Length: 1 }', 'Content-Length: is set by the program itself; leave it out'],
    ['{ x-key: a, X-Key: b }', 'X-Key: is there twice'],
  ])('%s are refused', async (headers, complaint) => {
    expect(await linesOf(`{ url: http://h, headers: ${headers} }`)).toEqual([
      `${place}.headers.${complaint}`,
    ]);
  });

  it('are never shown, nor is the address', async () => {
    const env = { TOKEN: 'top-secret\u0000' };
    const { lines } = await complaints(
      withDistributor(`
      url: 'ftp://app:top-secret@h'
      headers: { a: 'top-secret ', b: '\${TOKEN}', c: '\${TOKEM}', 'd d': top-secret }
`),
      { env },
    );
    expect(lines).toEqual([
      expect.stringMatching(/headers\.c: the environment variable TOKEM is not set .*did you mean TOKEN\?$/),
      expect.stringMatching(/\.url: must be the HTTP address/),
      `${place}.headers.a: ${value}`,
      `${place}.headers.b: ${value}`,
      expect.stringMatching(/headers\."d d": must be the name/),
    ]);
    expect(lines.join('\n')).not.toContain('top-secret');
    const strayed = await linesOf('top-secret');
    const inHeaders = await linesOf('{ url: http://h, headers: top-secret }');
    expect([...strayed, ...inHeaders].join('\n')).not.toContain('top-secret');
  });
});

describe('the grace period', () => {
  const because = 'twice distributor.timeout: a claim is not judged while its grant is on its way';

  it.each([
    ['{ url: http://h }', '5s', `must be at least 6s, ${because}; it is "5s"`],
    ['{ url: http://h, timeout: 10s }', '19999ms', `must be at least 20s, ${because}; it is "19999ms"`],
    ['{ module: ./d.mjs, timeout: 31s }', '', `must be at least 62s, ${because}; it is 1m unless given`],
  ])('is longer than a grant may be on its way: %s with %j', async (distributor, grace, complaint) => {
    const rest = grace === '' ? '' : `    grace: ${grace}\n`;
    expect(await linesOf(distributor, rest)).toEqual([`sources.gifts.grace: ${complaint}`]);
  });

  it.each([
    ['{ url: http://h }', '6s'],
    ['{ module: ./d.mjs, timeout: 30s }', '1m'],
    ['', '1ms'],
  ])('may be twice the time-out: %s with %s', async (distributor, grace) => {
    const text = withDistributor(distributor, `    grace: ${grace}\n`);
    expect((await load(text)).sources).toHaveLength(1);
  });

  it('is not complained about when one of the two cannot be read', async () => {
    expect(await linesOf('{ url: http://h, timeout: soon }', '    grace: 1ms\n')).toEqual([
      expect.stringMatching(/distributor\.timeout: must be a duration/),
    ]);
    expect(await linesOf('{ url: http://h }', '    grace: soon\n')).toEqual([
      expect.stringMatching(/grace: must be a duration/),
    ]);
  });
});
