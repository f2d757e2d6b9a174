/**
 * Who may import whom: the arrows of the house as data, and the functions that find what goes against them.
 * There is no list of exceptions. A new folder gets its place here, or the test fails.
 */
import { importsOf, resolveImport, type Import, type SourceFile } from './source-files.ts';

/**
 * A file imports its own folder and lower layers only; folders on one layer do not know each other. The wiring has an
 * order too: `app` puts the daemon together with `http`, `entry` holds what other programs import, the demo shows both, and
 * `cli` starts either.
 */
const layers: readonly (readonly string[])[] = [
  ['domain'],
  ['postgres', 'redis', 'distributor', 'receiver', 'embedded', 'config'],
  ['reconcile', 'gate'],
  ['schedule'],
  ['jobs'],
  ['http'],
  ['app'],
  ['entry'],
  ['demo'],
  ['cli'],
];
const wiring = ['http', 'app', 'entry', 'demo', 'cli'];

/** Packages that only some folders may know. What is in no list here is free for all but the domain. */
interface PackageRule {
  readonly packages: RegExp;
  readonly owner: string;
  /** True where others may name its types. */
  readonly typesAreFree: boolean;
}
const packageRules: readonly PackageRule[] = [
  { packages: /^(node-cron|bullmq)(\/|$)/, owner: 'schedule', typesAreFree: false },
  { packages: /^@bull-board\//, owner: 'http', typesAreFree: false },
  { packages: /^(fastify|@fastify\/.*|prom-client)(\/|$)/, owner: 'http', typesAreFree: true },
  { packages: /^pg(-.*)?(\/|$)/, owner: 'postgres', typesAreFree: true },
  { packages: /^ioredis(\/|$)/, owner: 'redis', typesAreFree: true },
  { packages: /^commander(\/|$)/, owner: 'cli', typesAreFree: false },
  { packages: /^close-with-grace(\/|$)/, owner: 'cli', typesAreFree: false },
  { packages: /^(yaml|fastest-levenshtein)(\/|$)/, owner: 'config', typesAreFree: false },
];

/** Folders that import nothing from npm but what is named here. */
const onlyPackages: Readonly<Record<string, RegExp>> = {
  domain: /^$/,
  postgres: /^(node:.*|pg)$/,
  redis: /^(node:.*|ioredis)$/,
  distributor: /^node:.*$/,
  receiver: /^node:.*$/,
  gate: /^(node:.*|ioredis|pg)$/,
  embedded: /^node:.*$/,
};

/** The part of the house a file lies in: `src/redis/lease.ts` is of `redis`, `jobs/pass.ts` of `jobs`. */
export function partOf(path: string): string {
  const [top = '', folder = ''] = path.split('/');
  return top === 'src' ? folder.replace(/\.ts$/, '') : top;
}

/** Each import against the arrows, as `path:line: why`. */
export function importViolations(file: SourceFile): string[] {
  return importsOf(file).flatMap((found) => {
    const why = found.target.startsWith('.')
      ? relativeViolation(file.path, found)
      : packageViolation(partOf(file.path), found);
    return why === null ? [] : [`${file.path}:${found.line}: ${why}`];
  });
}

function relativeViolation(path: string, { target, typeOnly }: Import): string | null {
  if (!/\.(ts|lua|sql|json)$/.test(target)) return `imports ${target}, which does not end in .ts`;
  const from = partOf(path);
  const to = partOf(resolveImport(path, target));
  if (from === to) return null;
  const [own, other] = [layerOf(from), layerOf(to)];
  if (own === -1) return `${from} has no layer: give it one in test/architecture/import-rules.ts`;
  if (other === -1) return `imports ${target}, and ${to} has no layer`;
  if (other >= own) return `imports ${target}, and ${from} may not know ${to}`;
  if (to === 'config' && !typeOnly && !wiring.includes(from)) {
    return `imports ${target}, and only the wiring (${wiring.join(', ')}) reads configuration`;
  }
  return null;
}

function packageViolation(from: string, { target, typeOnly }: Import): string | null {
  const only = onlyPackages[from];
  if (only !== undefined && !only.test(target)) return `imports ${target}, which ${from} may not know`;
  const rule = packageRules.find(({ packages }) => packages.test(target));
  if (rule === undefined || rule.owner === from) return null;
  if (rule.typesAreFree && typeOnly) return null;
  return `imports ${target}, which ${rule.owner} alone may${rule.typesAreFree ? ' (but for its types)' : ''}`;
}

function layerOf(part: string): number {
  return layers.findIndex((folders) => folders.includes(part));
}

/** Import circles, types included, each once, as `a -> b -> a`. */
export function importCircles(files: readonly SourceFile[]): string[] {
  const targets = new Map(files.map((file) => [file.path, relativeTargets(file)]));
  const finished = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) circles.push([...trail.slice(at), path].join(' -> '));
    if (at !== -1 || finished.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const { path } of files) visit(path, []);
  return circles;
}

function relativeTargets(file: SourceFile): string[] {
  return importsOf(file)
    .filter(({ target }) => target.startsWith('.'))
    .map(({ target }) => resolveImport(file.path, target));
}
