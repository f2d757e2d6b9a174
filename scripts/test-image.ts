/**
 * Builds the image of the Dockerfile without a Docker engine and runs it: `npm run test:image`, as root on Debian with buildah and
 * debootstrap. In place of node:20-bookworm-slim stands a base of the same name, made of Debian's packages and this machine's Node; it
 * trusts whom this machine trusts. The base is kept in the cache.
 * Invariant checked: the image is small, runs as nobody special, says whether it is healthy, and ends in order when it is told to.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readEnvironment } from '../src/config.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { findFreePort } from '../src/embedded/free-port.ts';

const base = 'docker.io/library/node:20-bookworm-slim';
const image = 'localhost/claim-reconciler:test';
const overBaseMaxMb = 250;
const env = readEnvironment();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What a command prints; its trouble goes to the terminal. */
function run(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

function assert(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`The image is not as it should be: ${what}.`);
  say(`  ${what}`);
}

interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly StopSignal: NodeJS.Signals;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

function checkTools(): void {
  try {
    run('bash', '-c', 'test "$(id -u)" = 0 && command -v buildah debootstrap');
  } catch {
    say('Run it as root, after: apt-get install buildah debootstrap');
    process.exit(2);
  }
}

/** The rootfs of a small Debian with Node and npm where the official image has them. */
function makeBase(): void {
  const folder = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'claim-reconciler', 'image-base');
  if (!existsSync(join(folder, 'usr/local/bin/node'))) {
    mkdirSync(folder, { recursive: true });
    say('the base: debootstrap …');
    run('debootstrap', '--variant=minbase', '--include=ca-certificates,libstdc++6', 'bookworm', folder);
    run('chroot', folder, 'useradd', '--uid', '1000', '--user-group', '--create-home', 'node');
    mkdirSync(join(folder, 'usr/local/lib/node_modules'), { recursive: true });
    const npm = run('bash', '-c', 'dirname "$(dirname "$(readlink -f "$(command -v npm)")")"');
    run('cp', '-r', npm, join(folder, 'usr/local/lib/node_modules/npm'));
    run('ln', '-sf', '../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'));
    run('cp', '/etc/ssl/certs/ca-certificates.crt', join(folder, 'etc/ssl/certs/ca-certificates.crt'));
    run('cp', process.execPath, join(folder, 'usr/local/bin/node'));
  }
  const container = run('buildah', 'from', 'scratch');
  run('buildah', 'copy', '-q', container, folder, '/');
  run('buildah', 'config', '--env', 'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt', container);
  run('buildah', 'commit', '-q', '--format', 'docker', container, base);
  run('buildah', 'rm', container);
}

function sizeMb(name: string): number {
  const [found] = JSON.parse(run('buildah', 'images', '--json', name)) as [{ readonly size: string }];
  return Number.parseFloat(found.size);
}

function build(): ImageConfig {
  say('the image: npm ci, build, npm ci --omit=dev …');
  run(
    'buildah',
    'bud',
    '-q',
    '--isolation',
    'chroot',
    '--pull-never',
    '--format',
    'docker',
    '-t',
    image,
    '.',
  );
  const { Docker } = JSON.parse(run('buildah', 'inspect', '--type', 'image', image)) as {
    readonly Docker: { readonly config: ImageConfig };
  };
  const over = sizeMb(image) - sizeMb(base);
  assert(over < overBaseMaxMb, `${over} MB over its base, less than ${overBaseMaxMb}`);
  assert(Docker.config.User === 'node', 'runs as the user node');
  return Docker.config;
}

/** The daemon of the image on real servers, by its own entry point; its health check; its end. */
async function start(config: ImageConfig): Promise<void> {
  const servers = await bootServers({ env, say, fresh: true });
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  chmodSync(folder, 0o755);
  const container = run('buildah', 'from', image);
  try {
    const port = await findFreePort();
    writeFileSync(join(folder, 'reconciler.config.yaml'), configuration(port));
    const given = [
      ['DATABASE_URL', servers.databaseUrl],
      ['REDIS_URL', servers.redisUrl],
      ['HEALTH_URL', `http://127.0.0.1:${port}/livez`],
    ].flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const within = (...command: readonly string[]): string[] => [
      'run',
      '--isolation=chroot',
      `--volume=${folder}:/etc/claim-reconciler:ro`,
      ...given,
      container,
      '--',
      ...command,
    ];
    run('buildah', ...within(...config.Entrypoint, 'migrate'));
    run('buildah', ...within('node', '-e', createTable));
    say(`  ${run('buildah', ...within(...config.Entrypoint, 'check'))}`);
    const daemon = spawn('buildah', within(...config.Entrypoint, ...config.Cmd), {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(daemon, 'exit');
    await untilReady(port);
    assert(true, 'is ready');
    const [, ...health] = config.Healthcheck.Test;
    run('buildah', ...within(...health));
    assert(true, 'its health check says that it is well');
    process.kill(innermost(daemon.pid ?? 0), config.StopSignal);
    const [code] = await ended;
    assert(code === 0, `ends with 0 after ${config.StopSignal}`);
  } finally {
    run('buildah', 'rm', container);
    rmSync(folder, { recursive: true });
    await servers.stop();
  }
}

/** An engine would send the signal to the program itself; buildah keeps it to itself. */
function innermost(pid: number): number {
  const [child] =
    run('ps', '-e', '-o', 'pid=,ppid=')
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .find(([, parent]) => parent === pid) ?? [];
  return child === undefined ? pid : innermost(child);
}

const configuration = (port: number): string => `
database: { url: '\${DATABASE_URL}' }
markerRedis: { url: '\${REDIS_URL}' }
http: { port: ${port} }
sources:
  gifts:
    table: gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{uid}', value: '{attempt_id}' }
    statuses: { granted: granted, released: failed }
    mode: observe
`;

const createTable = `
import('pg').then(async ({ default: { Client } }) => {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  await client.query(\`create table gift_claim (id bigint primary key, uid bigint not null, attempt_id text not null unique,
      status text not null, expires_at timestamptz not null, change_xid xid8 not null default pg_current_xact_id());
    create index on gift_claim (change_xid, id);
    create trigger stamp_change before insert or update on gift_claim for each row execute function reconciler.stamp_change();
    alter table gift_claim enable always trigger stamp_change\`);
  await client.end();
})`;

async function untilReady(port: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok === true) return;
    await pause(100);
  }
  throw new Error('The daemon of the image was not ready within 30 s.');
}

checkTools();
makeBase();
await start(build());
say('The image is as it should be.');
