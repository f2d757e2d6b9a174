/**
 * What one key says about another: problems and warnings that no key has by itself.
 * Works on the tree of texts and looks at each pair of keys for itself, so that a mistake elsewhere in the file does not
 * hide these. What cannot be read is skipped: the schema complains about it.
 */
import { canaryName } from '../domain/canary.ts';
import { claimStatuses } from '../domain/claim.ts';
import { parseTemplate, templateColumns } from '../domain/template.ts';
import { checkReceivers, oddReceivers } from './alerts-schema.ts';
import { checkCanary } from './canary-schema.ts';
import { checkDistributor, checkGrace } from './distributor-agreement.ts';
import { formatDuration } from './duration.ts';
import { httpDefaults } from './schema.ts';
import { checkRedisUrls } from './redis-agreement.ts';
import { sourceDefaults } from './source-schema.ts';
import { isMap, valueAt, type Path, type Problem } from './problem.ts';
import { sourcesIn, type SourceNode } from './source-node.ts';

/** Not listed: `::ffff:127.0.0.1`, which no one writes. */
const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;
const sourceName = /^[a-z][a-z0-9_-]{0,62}$/;

/** The problems; nothing may be started while there is one. */
export function findDisagreements(tree: unknown): Problem[] {
  return [
    ...checkRedisUrls(tree),
    ...checkHttp(tree),
    ...checkReceivers(tree),
    ...checkCanary(tree),
    ...checkNames(tree),
    ...sourcesIn(tree).flatMap(checkSource),
    ...checkTwins(tree),
  ];
}

/** What is allowed, but hardly meant. */
export function findOddities(tree: unknown): Problem[] {
  return [
    ...oddReceivers(tree),
    ...sourcesIn(tree).flatMap((source) => [...oddGrace(source), ...oddBraces(source)]),
  ];
}

function checkHttp(tree: unknown): Problem[] {
  const host = valueAt(tree, ['http', 'host']) ?? httpDefaults.host;
  const credentials = valueAt(tree, ['http', 'credentials']) ?? [];
  if (Array.isArray(credentials) && credentials.length > 0) return checkTwinNames(credentials);
  if (!Array.isArray(credentials) || typeof host !== 'string' || host === '' || loopback.test(host))
    return [];
  return [
    {
      path: ['http', 'credentials'],
      message:
        'must be given (username, password), because http.host is not a loopback address; without them listen on 127.0.0.1',
    },
  ];
}

function checkTwinNames(credentials: readonly unknown[]): Problem[] {
  const names = credentials.map((one) => valueAt(one, ['username']));
  return names.flatMap((name, at) =>
    typeof name !== 'string' || names.indexOf(name) === at
      ? []
      : [
          {
            path: ['http', 'credentials', at, 'username'],
            message: 'is that of another entry; each person has a name of their own',
          },
        ],
  );
}

function checkNames(tree: unknown): Problem[] {
  const sources = valueAt(tree, ['sources']);
  if (!isMap(sources)) return [];
  const names = Object.keys(sources);
  if (names.length === 0) return [{ path: ['sources'], message: 'must hold at least one source' }];
  return names
    .filter((name) => !sourceName.test(name) || name === canaryName)
    .map((name) => ({
      path: ['sources', name],
      message:
        name === canaryName
          ? 'the name canary is kept for the source that the section canary makes; choose another'
          : 'the name of a source must begin with a small letter and hold only small letters, digits, _ and -, at most 63',
    }));
}

function checkSource(source: SourceNode): Problem[] {
  return [
    ...checkReading(source),
    ...checkExpiry(source),
    ...checkTolerance(source),
    ...checkKey(source),
    ...checkStatuses(source),
    ...checkDistributor(source),
    ...checkGrace(source),
  ];
}

function checkReading({ path, has }: SourceNode): Problem[] {
  if (!has('position') || !has('columns', 'change')) return [];
  const message =
    'goes without columns.change: a table is read by the column that a trigger stamps, or by one of its own, which sees less; drop one of them';
  return [{ path: [...path, 'position'], message }];
}

function checkExpiry({ path, has, textAt }: SourceNode): Problem[] {
  const columns = [...path, 'columns'];
  const ttl = [...path, 'marker', 'ttl'];
  if (!has('columns')) return [];
  const [hasExpiry, hasStart] = [has('columns', 'expiresAt'), has('columns', 'createdAt')];
  if (textAt('marker', 'ttl') === 'never') {
    const message = 'never goes without columns.expiresAt and columns.createdAt: such a window has no end';
    return hasExpiry || hasStart ? [{ path: ttl, message }] : [];
  }
  if (hasExpiry && hasStart) {
    return [{ path: columns, message: 'expiresAt and createdAt exclude each other: give one of them' }];
  }
  if (!hasExpiry && !hasStart) {
    return [
      {
        path: columns,
        message:
          'must say when the marker expires: expiresAt (a column that says so), or createdAt (a column) with marker.ttl; ' +
          'marker.ttl is never for markers without an expiry',
      },
    ];
  }
  if (hasStart && !has('marker', 'ttl')) {
    return [{ path: ttl, message: 'is missing; with columns.createdAt it says how long a marker lives' }];
  }
  if (hasExpiry && has('marker', 'ttl')) {
    return [
      { path: ttl, message: 'goes with columns.createdAt only; here columns.expiresAt says when it ends' },
    ];
  }
  return [];
}

function checkTolerance({ path, durationAt }: SourceNode): Problem[] {
  const [tolerance, ttl] = [durationAt('marker', 'tolerance'), durationAt('marker', 'ttl')];
  if (tolerance === undefined || ttl === undefined || tolerance < ttl) return [];
  const message = `must be shorter than marker.ttl (${formatDuration(ttl)}), or every expiry would do`;
  return [{ path: [...path, 'marker', 'tolerance'], message, showsValue: true }];
}

function checkKey({ path, textAt }: SourceNode): Problem[] {
  return (['key', 'value'] as const).flatMap((name): Problem[] => {
    const template = textAt('marker', name);
    if (template === undefined) return [];
    const at = [...path, 'marker', name];
    if (!bracesMatch(template)) {
      return [{ path: at, message: 'has a brace that is not closed or not opened', showsValue: true }];
    }
    if (name === 'value' || templateColumns(parseTemplate(template)).length > 0) return [];
    const message = 'must name at least one column in braces, or all claims would share one marker';
    return [{ path: at, message, showsValue: true }];
  });
}

function bracesMatch(template: string): boolean {
  let depth = 0;
  for (const character of template) {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function checkStatuses({ path, wordsAt }: SourceNode): Problem[] {
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const status of claimStatuses) {
    for (const word of wordsAt('statuses', status)) {
      const before = seen.get(word);
      if (before !== undefined) {
        const where = before === status ? `twice in ${status}` : `in ${before} and in ${status}`;
        problems.push({
          path: [...path, 'statuses'],
          message: `the word ${JSON.stringify(word)} is ${where}`,
        });
      }
      seen.set(word, status);
    }
  }
  return problems;
}

/** Two sources over the same claims and markers would repair each other's work. */
function checkTwins(tree: unknown): Problem[] {
  const seen = new Map<string, Path>();
  return sourcesIn(tree).flatMap(({ path, textAt }): Problem[] => {
    const [table, key] = [textAt('table'), textAt('marker', 'key')];
    if (table === undefined || key === undefined) return [];
    const identity = JSON.stringify([table.includes('.') ? table : `public.${table}`, key]);
    const twin = seen.get(identity);
    seen.set(identity, twin ?? path);
    if (twin === undefined) return [];
    return [
      { path, message: `has the same table and the same marker.key as ${twin.join('.')}; drop one of them` },
    ];
  });
}

function oddGrace({ path, durationAt, has }: SourceNode): Problem[] {
  const ttl = durationAt('marker', 'ttl');
  const grace = has('grace') ? durationAt('grace') : sourceDefaults.graceMs;
  if (ttl === undefined || grace === undefined || grace < ttl) return [];
  return [
    {
      path: [...path, 'grace'],
      message:
        `${formatDuration(grace)} is not shorter than marker.ttl (${formatDuration(ttl)}): markers are over before ` +
        'their claims are judged, so that missing ones are never found',
    },
  ];
}

function oddBraces({ path, textAt }: SourceNode): Problem[] {
  return (['key', 'value'] as const).flatMap((name): Problem[] =>
    parseTemplate(textAt('marker', name) ?? '').flatMap((part) => {
      const literal = part.kind === 'literal' ? /\{[^{}]*\}/.exec(part.text)?.[0] : undefined;
      if (literal === undefined) return [];
      const message = `${JSON.stringify(literal)} is taken literally, since it cannot be the name of a column`;
      return [{ path: [...path, 'marker', name], message }];
    }),
  );
}
