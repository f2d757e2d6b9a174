/**
 * Finding the file and reading it as a tree of texts.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readConfigFile } from '../../src/config/read-file.ts';
import { complaintOf, smallest, useFolder } from './written-config.ts';

const { folder, write, load } = useFolder();

async function read(text: string): Promise<unknown> {
  const path = await write('read.yaml', text);
  return (await readConfigFile({ path, env: {}, cwd: folder() })).tree;
}

async function complain(text: string, name = 'read.yaml'): Promise<string> {
  return complaintOf(readConfigFile({ path: await write(name, text), env: {}, cwd: folder() }));
}

describe('the file', () => {
  it('is the one of --config, else of RECONCILER_CONFIG, else the usual one where it runs', async () => {
    const cwd = await mkdtemp(join(folder(), 'here-'));
    const json = JSON.stringify({
      database: { url: 'postgres://127.0.0.1/json' },
      markerRedis: { url: 'redis://127.0.0.1:6379' },
      sources: {
        gifts: {
          table: 'gift_claim',
          columns: { id: 'id', attempt: 'attempt_id', status: 'status', createdAt: 'at' },
          marker: { key: 'gift:{uid}', value: 'any', ttl: '30s' },
          statuses: { granted: 1, released: [2, 3] },
          mode: 'repair',
          brake: { share: 0.5, repairsPerPlan: 7 },
        },
      },
    });
    const fileOf = async (options: { path?: string; env?: NodeJS.ProcessEnv }): Promise<string> =>
      (await loadConfig({ env: {}, cwd, ...options })).file;
    await write(`${cwd.slice(folder().length)}/reconciler.config.json`, json);
    expect(await fileOf({})).toBe(join(cwd, 'reconciler.config.json'));
    await write(`${cwd.slice(folder().length)}/reconciler.config.yml`, smallest);
    expect(await fileOf({ env: { RECONCILER_CONFIG: '' } })).toBe(join(cwd, 'reconciler.config.yml'));
    await write(`${cwd.slice(folder().length)}/reconciler.config.yaml`, smallest);
    expect(await fileOf({})).toBe(join(cwd, 'reconciler.config.yaml'));
    const env = { RECONCILER_CONFIG: 'reconciler.config.json' };
    expect(await fileOf({ env })).toBe(join(cwd, 'reconciler.config.json'));
    expect(await fileOf({ env, path: 'reconciler.config.yml' })).toBe(join(cwd, 'reconciler.config.yml'));
    const [source] = (await loadConfig({ env, cwd })).sources;
    expect(source?.statuses).toEqual({ pending: [], granted: ['1'], released: ['2', '3'] });
    expect(source?.rules.brake).toMatchObject({ share: 0.5, repairsPerPlan: 7 });
  });

  it('is asked for in words when there is none', async () => {
    const cwd = await mkdtemp(join(folder(), 'empty-'));
    expect(await complaintOf(loadConfig({ env: {}, cwd }))).toBe(
      'There is no configuration file: none of reconciler.config.yaml, reconciler.config.yml, reconciler.config.json ' +
        `is in ${cwd}. Write one (docs/configuration.md has an example), or name it with --config or RECONCILER_CONFIG.`,
    );
    expect(await complaintOf(loadConfig({ env: {}, cwd, path: 'x.yaml' }))).toBe(
      `There is no configuration file ${join(cwd, 'x.yaml')}, which --config names.`,
    );
    const env = { RECONCILER_CONFIG: '/nowhere/x.yaml' };
    expect(await complaintOf(loadConfig({ env, cwd }))).toBe(
      'There is no configuration file /nowhere/x.yaml, which RECONCILER_CONFIG names.',
    );
    await mkdir(join(cwd, 'x.yaml'));
    expect(await complaintOf(loadConfig({ env: {}, cwd, path: 'x.yaml' }))).toBe(
      `The configuration file ${join(cwd, 'x.yaml')} cannot be read: it is a folder.`,
    );
  });
});

describe('values', () => {
  it('stay the texts that were written', async () => {
    expect(await read('a: 007\nb: no\nc: 1.0\nd: 0x1F\ne: "null"\nf: 2026-11-21\ng: ""')).toEqual({
      a: '007',
      b: 'no',
      c: '1.0',
      d: '0x1F',
      e: 'null',
      f: '2026-11-21',
      g: '',
    });
  });

  it('may be left out, and JSON may be indented with tabs', async () => {
    expect(await read('a:\nb: ~\nc: null\n')).toEqual({ a: null, b: null, c: null });
    expect(await read('{\n\t"a": {\n\t\t"b": [1, true, null]\n\t}\n}')).toEqual({
      a: { b: ['1', 'true', null] },
    });
  });

  it('may be named once and used again', async () => {
    expect(await read('a: &words [x, y]\nb: *words')).toEqual({ a: ['x', 'y'], b: ['x', 'y'] });
  });
});

describe('a file that cannot be parsed', () => {
  it('is refused with line and column of every mistake', async () => {
    const message = await complain('a: 1\na: 2\nb: [1\nc: 3\n');
    expect(message.split('\n').slice(1)).toEqual([
      '  - line 2, column 1: Map keys must be unique',
      '  - line 4, column 1: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ]);
    expect(message).toContain(
      `The configuration file ${join(folder(), 'read.yaml')} is not valid YAML; nothing was`,
    );
    expect(await complain('{"a": 1', 'read.json')).toMatch(/is not valid JSON; .*\n {2}- line 1, column 8: /);
    expect(await complain('a: 1\n---\nb: 2\n')).toContain('Source contains multiple documents');
  });

  it.each([
    'password: *hunter2',
    'password: !hunter2 x',
    'password: |hunter2',
    'password: "x" hunter2',
    '- a\nhunter2: b',
    'password: "\\hunter2',
    'password: @hunter2',
    'password: [hunter2',
    'password: {hunter2: *hunter2}',
    '%hunter2\n---\na: b',
  ])('does not show what stands there: %j', async (text) => {
    expect(await complain(text)).not.toMatch(/unter2/);
  });

  it('is refused when it contains itself, or is not a map', async () => {
    expect(await complaintOf(load('sources: &all\n  gifts: *all\n  orders: [*all, *all]\n'))).toContain(
      'sources.gifts: is an alias of what it is part of',
    );
    expect(await complaintOf(load('- a\n'))).toMatch(
      /- the file must be a map with the keys database, .*; it is a list$/m,
    );
    expect(await complaintOf(load(''))).toMatch(/- the file must be a map with the keys .*; it is nothing$/m);
  });
});
