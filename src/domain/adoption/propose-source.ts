/**
 * The configuration that is proposed for a table, and what could not be found out.
 * Invariants kept: what is not known is null and never a guess that changes what is repaired; whatever was taken by its
 * name alone is told; the mode proposed is `observe`.
 */
import { parseTemplate, templateColumns } from '../template.ts';
import { proposeAttempt, proposeId, proposeStatus, type ProposedAttempt } from './propose-columns.ts';
import type { ProposedPosition } from './propose-position.ts';
import { proposeValue } from './propose-value.ts';
import { proposeWindow, type ProposedWindow } from './propose-window.ts';
import type { SampledColumn, Sighting } from './sample-row.ts';
import { sortStatuses, type SortedStatuses } from './sort-statuses.ts';

/** As in the configuration file; null is for a person to fill in. */
export interface ProposedSource {
  readonly name: string;
  readonly table: string;
  readonly columns: {
    readonly id: string | null;
    readonly attempt: string | null;
    readonly status: string | null;
    readonly window: ProposedWindow;
  };
  /** Given where the table may not be altered. */
  readonly position?: ProposedPosition;
  readonly marker: { readonly key: string | null; readonly value: string | null };
  readonly statuses: SortedStatuses;
}

export interface Proposal {
  readonly source: ProposedSource;
  /** What a person must decide, each with the key of the configuration. The file is refused while a part is missing. */
  readonly undecided: readonly string[];
  /** What speaks for the proposal. */
  readonly evidence: readonly string[];
}

export interface FoundKey {
  /** Null: no row was found to which an example belongs. */
  readonly template: string | null;
  /** Others that fit as well. */
  readonly others: readonly string[];
  readonly undecided: readonly string[];
  readonly evidence: readonly string[];
}

export interface FoundStatuses {
  readonly words: readonly string[];
  /** False: read from a part of the table, and there may be others. */
  readonly isComplete: boolean;
}

export interface Findings {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly SampledColumn[];
  readonly key: FoundKey;
  readonly sightings: readonly Sighting[];
  readonly statuses: FoundStatuses;
  /** Given where the table may not be altered. */
  readonly position?: ProposedPosition;
}

export function proposeSource(findings: Findings): Proposal {
  const { name, table, columns, key, sightings, position } = findings;
  const id = proposeId(columns);
  const seenValue = proposeValue(sightings);
  const attempt = id === null ? null : proposeAttempt(columns, id, seenValue);
  const status = proposeStatus(columns);
  const window = proposeWindow(columns, sightings);
  const statuses = sortStatuses(findings.statuses.words);
  const guessedValue = attempt?.because === 'name' ? `{${attempt.column.name}}` : null;
  const value = seenValue ?? guessedValue;
  const source: ProposedSource = {
    name,
    table,
    columns: {
      id: id?.name ?? null,
      attempt: attempt?.column.name ?? null,
      status: status?.name ?? null,
      window,
    },
    ...(position === undefined ? {} : { position }),
    marker: { key: key.template, value },
    statuses,
  };
  return {
    source,
    undecided: [
      ...(id === null
        ? ['columns.id: no column can tell rows apart (not null, of a type that an index can order).']
        : []),
      ...undecidedAttempt(value, attempt),
      ...undecidedStatus(status, findings.statuses, statuses),
      ...undecidedWindow(window),
      ...(position === undefined ? [] : [position.undecided]),
      ...key.undecided,
      ...otherKeys(key),
      ...(seenValue === null ? [undecidedValue(value, sightings)] : []),
      'mode: observe is proposed. It records what is wrong and changes nothing; look at the first report before you write repair.',
    ],
    evidence: [
      ...key.evidence,
      ...(window.kind === 'unknown'
        ? []
        : [
            `columns.${window.kind === 'expires_at' ? 'expiresAt' : 'createdAt'} is ${window.column}: ${window.evidence}`,
          ]),
    ],
  };
}

function undecidedAttempt(value: string | null, attempt: ProposedAttempt | null): string[] {
  if (attempt === null) return [];
  const { column, because } = attempt;
  const { name, isUnique } = column;
  if (because === 'id') {
    return [
      `columns.attempt: no column is called like an attempt, or held by the markers and unique; the id is taken, which is right where the table does not name attempts.`,
    ];
  }
  const isHeld = value === null || templateColumns(parseTemplate(value)).includes(name);
  return [
    ...(because === 'name'
      ? [`columns.attempt: ${name} is taken by its name. It must differ for each try to claim.`]
      : []),
    ...(isUnique || !isHeld
      ? []
      : [
          `marker.valueIsUnique: ${name} has no unique index. If two attempts never share one, add the index or write true; without it repairs are more careful than they need be.`,
        ]),
  ];
}

function undecidedStatus(
  column: SampledColumn | null,
  { words, isComplete }: FoundStatuses,
  { granted, undecided }: SortedStatuses,
): string[] {
  if (column === null) return ['columns.status: no column is called status or state, and none is an enum.'];
  const list = (all: readonly string[]): string => all.map((word) => JSON.stringify(word)).join(', ');
  return [
    ...(undecided.length === 0
      ? []
      : [
          `statuses: what ${list(undecided)} of ${column.name} mean${undecided.length === 1 ? 's' : ''}. Until they are in a list, claims in them are recorded as unreadable_claim.`,
        ]),
    ...(granted.length > 0 ? [] : ['statuses.granted: which words mean that it was handed out.']),
    ...(isComplete
      ? []
      : [
          `statuses: only a part of the table was looked at, in which ${column.name} held ${words.length === 0 ? 'nothing' : list(words)}. A word that is rarer would be told as unreadable_claim.`,
        ]),
  ];
}

function undecidedWindow(window: ProposedWindow): string[] {
  if (window.kind === 'unknown') {
    return [
      'columns.expiresAt, or columns.createdAt with marker.ttl: no column of a time is called like either.',
    ];
  }
  if (window.kind === 'created_at' && window.ttlMs === null) {
    return [`marker.ttl: how long a marker lives after ${window.column}; no marker could be looked at.`];
  }
  return [];
}

function otherKeys({ others }: FoundKey): string[] {
  if (others.length === 0) return [];
  return [
    `marker.key: ${others.join(' or ')} would fit as well. Give more examples with --key, of claims that differ in every column.`,
  ];
}

function undecidedValue(value: string | null, [seen]: readonly Sighting[]): string {
  const why =
    seen === undefined
      ? 'no marker could be looked at'
      : `markers hold such as ${JSON.stringify(seen.value)}, which the rows do not tell; any accepts every value`;
  return value === null
    ? `marker.value: what the markers hold; ${why}.`
    : `marker.value: ${value} is a guess; ${why}.`;
}
