/**
 * What the environment adds to the tree of the file: `${NAME}` and `${NAME:-default}` inside values, `$${` for the two
 * characters themselves, and the three URLs that stand above the file.
 * Invariant kept: what comes from the environment is taken as it is, never expanded again.
 */
import { didYouMean } from '../domain/nearest-name.ts';
import { isMap, valueAt, type Path, type Problem } from './problem.ts';

/** Variables that win over the file, and the key each stands for. */
const overrides = [
  { variable: 'DATABASE_URL', section: 'database' },
  { variable: 'REDIS_URL', section: 'markerRedis' },
  { variable: 'QUEUE_REDIS_URL', section: 'queueRedis' },
] as const;

const reference = /\$\$\{|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\{/g;

export interface FilledTree {
  readonly tree: unknown;
  readonly problems: readonly Problem[];
  /** The variable that a place's value came from, for those that win over the file. */
  readonly variableOf: ReadonlyMap<string, string>;
}

/** The tree with the environment filled in. Where a problem is, the text stays as it was written. */
export function applyEnvironment(written: unknown, env: NodeJS.ProcessEnv): FilledTree {
  const given = overrides.flatMap(({ variable, section }) => {
    const url = env[variable];
    return url === undefined || url === '' ? [] : [{ variable, section, url }];
  });
  const problems: Problem[] = [];
  const tree = fill(withoutUrls(written, given), [], [], { env, problems });
  return {
    tree: given.reduce(override, tree),
    problems,
    variableOf: new Map(given.map(({ variable, section }) => [`${section}.url`, variable])),
  };
}

function override(tree: unknown, { section, url }: { section: string; url: string }): unknown {
  const current = valueAt(tree, [section]) ?? {};
  // A tree or a section of the wrong shape is left for the schema to complain about.
  return isMap(tree) && isMap(current) ? { ...tree, [section]: { ...current, url } } : tree;
}

/** A URL that is overridden may name variables that are not set. */
function withoutUrls(written: unknown, given: readonly { section: string }[]): unknown {
  return given.reduce((tree, { section }) => {
    const current = valueAt(tree, [section]);
    return isMap(tree) && isMap(current) ? { ...tree, [section]: { ...current, url: null } } : tree;
  }, written);
}

interface Filling {
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problem[];
}

/** @param around the lists and maps that this node lies in: a YAML alias can make one that contains itself */
function fill(node: unknown, path: Path, around: readonly unknown[], filling: Filling): unknown {
  if (typeof node === 'string') return fillText(node, path, filling);
  if (typeof node !== 'object' || node === null) return node;
  if (around.includes(node)) {
    filling.problems.push({ path, message: 'is an alias of what it is part of' });
    return null;
  }
  const inside = [...around, node];
  if (Array.isArray(node)) return node.map((item, at) => fill(item, [...path, at], inside, filling));
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, fill(value, [...path, key], inside, filling)]),
  );
}

function fillText(text: string, path: Path, { env, problems }: Filling): string {
  return text.replaceAll(reference, (found, name?: string, fallback?: string) => {
    if (found === '$${') return '${';
    if (name === undefined) {
      problems.push({
        path,
        message:
          'has a ${ that is not closed as ${NAME} or ${NAME:-default}; write $${ for the characters themselves',
      });
      return found;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value !== undefined) return value;
    problems.push({
      path,
      message: `the environment variable ${name} is not set (write \${${name}:-…} to give a default)${didYouMean(name, Object.keys(env))}`,
    });
    return found;
  });
}
