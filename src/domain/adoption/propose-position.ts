/**
 * By which of its own columns could a table be read that may not be altered? By one that an index begins with, and that every
 * change sets; else by one that grows with every new row.
 */
import type { SampledColumn } from './sample-row.ts';

export interface ProposedPosition {
  /** Null: there is none; for a person to see to. */
  readonly column: string | null;
  /** As in the configuration file; null: for a person to say. */
  readonly overlap: string | null;
  /** What a person must know of it, with the key of the configuration. */
  readonly undecided: string;
}

const changeName = /(updat|modif|chang|touch|last)/i;
const beginName = /(creat|insert|begin|begun|start|claim|grab|made)/i;

/** @param led columns that an index over all rows begins with */
export function proposePosition(
  columns: readonly SampledColumn[],
  led: ReadonlySet<string>,
): ProposedPosition {
  const usable = columns.filter(({ name }) => led.has(name));
  const times = usable.filter(({ isTime }) => isTime).map(({ name }) => name);
  const changed = times.find((name) => changeName.test(name));
  if (changed !== undefined) {
    return {
      column: changed,
      overlap: '10m',
      undecided: `position: ${changed} is taken by its name. Every change of a claim must set it, or the change is not seen. The overlap must be longer than transactions take from their begin to their first write, and than clocks are apart.`,
    };
  }
  const begun = times.find((name) => beginName.test(name));
  if (begun !== undefined) {
    return {
      column: begun,
      overlap: null,
      undecided: `position: ${begun} is taken by its name, so that new claims are seen, and changes of those that are younger than the overlap: say how long a claim may still change. Better is a column that every change sets, with an index.`,
    };
  }
  const counted = usable.find(({ kind, isUnique }) => kind === 'integer' && isUnique)?.name;
  if (counted !== undefined) {
    return {
      column: counted,
      overlap: null,
      undecided: `position: ${counted} is taken, if it counts up, so that new claims are seen, and changes of the newest: say of how many ids. Better is a time that every change sets, with an index.`,
    };
  }
  return {
    column: null,
    overlap: null,
    undecided:
      'position.column: no index begins with a time or a number that grows. Without one the table cannot be read as it is.',
  };
}
