/**
 * What `npm pack` makes, in an empty folder beside the packages that an installation brings: its types, its entries, its program.
 */
import { mkdtemp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../../src/embedded/run-command.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  await mkdir(join(folder, 'node_modules'));
  await run('npm', ['pack', '--silent', '--pack-destination', folder], process.cwd());
  await run('tar', ['xzf', 'claim-reconciler-0.1.0.tgz']);
  await rename(join(folder, 'package'), join(folder, 'node_modules', 'claim-reconciler'));
  for (const name of await productionPackages()) {
    await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true });
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
}, 120_000);

afterAll(async () => rm(folder, { recursive: true }));

async function run(file: string, args: readonly string[], cwd = folder): Promise<string> {
  return runCommand(file, args, { env: process.env, cwd, timeoutMs: 100_000 });
}

/** Those at the top that `npm install` brings to whoever uses this package, as the lock file says. */
async function productionPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev, optional }]) => {
    const name = path.slice('node_modules/'.length);
    return path === '' || name.includes('node_modules/') || dev === true || optional === true ? [] : [name];
  });
}

const user = `
import { openGate, type ClaimAnswer } from 'claim-reconciler/gate';
import { openReporter } from 'claim-reconciler/report';
import { openLeases, defaultLeaseTiming, OperatingError } from 'claim-reconciler/lease';
import { openCache } from 'claim-reconciler/cache';
import { startDaemon, type Daemon } from 'claim-reconciler/daemon';

export async function use(): Promise<[number, boolean, ClaimAnswer['kind']]> {
  const onTrouble = ({ code, message }: OperatingError): void => console.warn(code, message);
  const leases = await openLeases({ redisUrl: 'redis://127.0.0.1', onTrouble });
  const outcome = await leases.contender('nightly', { ...defaultLeaseTiming, ttlMs: 30_000 }).acquire();
  if (outcome.kind === 'acquired') outcome.lease.guard();
  const cache = await openCache({ redisUrl: '', namespace: 'app', freshMs: 1, staleMs: 1, waitMs: 1, onTrouble });
  const found: number = await cache.get('key', async (signal) => (signal.aborted ? 0 : 1));
  const daemon: Daemon = await startDaemon({ signal: AbortSignal.timeout(1_000) });
  const gate = await openGate({ source: 'gifts', onTrouble });
  const { kind } = await gate.claim({ columns: { uid: 7 }, ttlMs: 1_000 });
  await (await openReporter()).close();
  return [found, await daemon.stopped, kind];
}
`;

it('is typed, for whoever checks the types of libraries too', async () => {
  await writeFile(join(folder, 'use.mts'), user);
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc',
  );
  const strict = '--noEmit --strict --target es2023 --module nodenext --skipLibCheck false --types node';
  expect(await run(process.execPath, [compiler, ...strict.split(' '), 'use.mts'])).toBe('');
  await writeFile(join(folder, 'wrong.mts'), user.replace("'gifts'", '7'));
  await expect(run(process.execPath, [compiler, ...strict.split(' '), 'wrong.mts'])).rejects.toThrow();
});

it('gives each entry that package.json names', async () => {
  const entries = ['gate', 'report', 'lease', 'cache', 'daemon'];
  const { exports } = JSON.parse(await readFile('package.json', 'utf8')) as { exports: object };
  expect(Object.keys(exports)).toEqual([...entries.map((entry) => `./${entry}`), './package.json']);
  const list = entries.map((entry) => `...Object.keys(await import('claim-reconciler/${entry}'))`).join(',');
  const printed = await run(process.execPath, [
    '--input-type=module',
    '-e',
    `console.log([${list}].filter((name) => /^(open|start)/.test(name)).join(' '))`,
  ]);
  expect(printed.trim()).toBe('openGate openReporter openLeases openCache startDaemon');
});

it('has the program, whose demo works where nothing else is', async () => {
  const program = join(folder, 'node_modules/claim-reconciler/dist/src/cli/main.js');
  expect(await run(process.execPath, [program, '--version'])).toBe('0.1.0\n');
  expect(await run(process.execPath, [program, 'demo', '--once'])).toContain('It balances');
});
