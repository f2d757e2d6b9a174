/**
 * One source as it stands in the tree of texts, for checks that look at a few of its keys.
 * Does not complain: what is not there or cannot be read is undefined.
 */
import { parseDuration } from './duration.ts';
import { isMap, valueAt, type Path } from './problem.ts';

export interface SourceNode {
  readonly path: Path;
  readonly has: (...path: string[]) => boolean;
  readonly hasMap: (...path: string[]) => boolean;
  readonly textAt: (...path: string[]) => string | undefined;
  readonly durationAt: (...path: string[]) => number | undefined;
  readonly wordsAt: (...path: string[]) => readonly string[];
}

export function sourcesIn(tree: unknown): SourceNode[] {
  const sources = valueAt(tree, ['sources']);
  return isMap(sources) ? Object.entries(sources).map(([name, node]) => sourceNode(name, node)) : [];
}

function sourceNode(name: string, node: unknown): SourceNode {
  const textAt = (...path: string[]): string | undefined => {
    const value = valueAt(node, path);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    path: ['sources', name],
    textAt,
    has: (...path) => valueAt(node, path) !== undefined,
    hasMap: (...path) => isMap(valueAt(node, path)),
    durationAt: (...path) => parseDuration(textAt(...path) ?? '') ?? undefined,
    wordsAt: (...path) => {
      const value = valueAt(node, path);
      return (Array.isArray(value) ? value : [value]).filter((word) => typeof word === 'string');
    },
  };
}
