/**
 * What a table would need to become a source: the story of `adopt`. The catalog says which columns there are, the rows
 * behind the examples say what the key is made of, and the markers of the newest rows say whether that is true.
 * Invariants kept: changes nothing, in either store; every look at the table is bounded, however large it is; a store
 * that does not answer is told, and never taken for "no marker".
 */
import type pg from 'pg';
import { proposeId, proposeStatus } from '../domain/adoption/propose-columns.ts';
import { proposePosition } from '../domain/adoption/propose-position.ts';
import { proposeSource, type Proposal } from '../domain/adoption/propose-source.ts';
import type { Sighting } from '../domain/adoption/sample-row.ts';
import { sortStatuses } from '../domain/adoption/sort-statuses.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { lookAtTable, type LookedAtTable, type TableName } from '../postgres/adoption/look-at-table.ts';
import type { MigrationStep } from '../postgres/adoption/migration-step.ts';
import { planMigration } from '../postgres/adoption/plan-migration.ts';
import { readStatusWords } from '../postgres/adoption/read-status-words.ts';
import { readNewest } from '../postgres/adoption/sample-rows.ts';
import { onConnection } from '../postgres/connect.ts';
import { readDatabaseTime } from '../postgres/horizon.ts';
import type { ColumnFacts } from '../postgres/table-facts.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import type { MarkerRedis } from '../redis/script.ts';
import { findKey, type KeySearch } from './find-key.ts';

export interface AdoptionRequest {
  readonly table: TableName;
  /** What the source is to be called. */
  readonly source: string;
  /** Keys of markers, as examples. */
  readonly keys: readonly string[];
  /** False: it is to be read as it is, by a column of its own. */
  readonly mayAlter: boolean;
}

export interface AdoptionStores {
  readonly pool: pg.Pool;
  /** Null: no markers can be looked at. */
  readonly markers: MarkerRedis | null;
  readonly callTimeoutMs: number;
}

export interface Adoption extends Proposal {
  readonly table: {
    /** As it is written in SQL. */
    readonly name: string;
    /** An estimate, as of the last analyze. */
    readonly rows: number;
    readonly bytes: number;
    readonly partitions: number;
  };
  /** The function that the trigger calls is there: `migrate` was run. */
  readonly isMigrated: boolean;
  readonly steps: readonly MigrationStep[];
}

/** Rows with the highest ids that are read to learn from, and whose markers are looked at. */
const newestMax = 200;

/** Throws `configuration` where nothing can be proposed, and what the driver throws. */
export async function adoptTable(stores: AdoptionStores, request: AdoptionRequest): Promise<Adoption> {
  return onConnection(stores.pool, async (client) => {
    await client.query('set default_transaction_read_only = on');
    const columnsKnown = await lookAtTable(client, request.table);
    const id = proposeId(columnsKnown.columns)?.name ?? null;
    const looked = id === null ? columnsKnown : await lookAtTable(client, request.table, id);
    refuseSplitIds(looked, id);
    const newest = id === null ? [] : await readNewest(client, looked, id, newestMax);
    const nowMs = await databaseClock(client);
    const { keys } = request;
    const readMarkers = markerReader(stores);
    const found = await findKey({ client, looked, keys, newest, readMarkers, nowMs });
    const status = proposeStatus(looked.columns)?.name ?? null;
    const statuses =
      status === null
        ? { words: [], isComplete: true }
        : await readStatusWords(client, looked, status, newest);
    const proposal = proposeSource({
      name: request.source,
      table: `${request.table.schema}.${request.table.name}`,
      columns: looked.columns,
      key: found.key,
      sightings: withoutReleased(found.sightings, status, sortStatuses(statuses.words).released),
      statuses,
      ...(request.mayAlter ? {} : { position: proposePosition(looked.columns, ledColumns(looked)) }),
    });
    const { facts, measures } = looked;
    const { rows, bytes, partitions } = measures;
    return {
      ...proposal,
      undecided: [...proposal.undecided, ...(request.mayAlter ? undecidedTable(looked) : [])],
      table: { name: facts.relation?.quoted ?? '', rows, bytes, partitions: partitions.length },
      isMigrated: facts.own_schema?.stamps === true,
      steps: stepsFor(looked, id, request),
    };
  });
}

function stepsFor(
  looked: LookedAtTable,
  id: string | null,
  { mayAlter }: AdoptionRequest,
): readonly MigrationStep[] {
  return id === null || !mayAlter || takenColumn(looked) !== undefined ? [] : planMigration(looked, id);
}

/** Columns that an index over all rows begins with. */
function ledColumns({ facts }: LookedAtTable): ReadonlySet<string> {
  const whole = facts.indexes.filter(({ partial, valid }) => valid && !partial);
  return new Set(whole.flatMap(({ columns }) => columns[0] ?? []));
}

/** Postgres allows a unique index over all partitions only on the columns they are split by. */
function refuseSplitIds({ facts, measures, columns }: LookedAtTable, id: string | null): void {
  if (facts.relation?.kind !== 'p' || columns.some(({ name, isUnique }) => name === id && isUnique)) return;
  const names = measures.partitions.map(({ name }) => `  claim-reconciler adopt --table ${name}`);
  const shown = names.length > 12 ? [...names.slice(-12), `  and ${names.length - 12} more`] : names;
  throw new OperatingError(
    'configuration',
    [
      `${facts.relation.quoted} is partitioned by something else than an id, so that no index can make sure that ids are unique over all of it; nothing was changed. Adopt each partition as a source of its own, at least those whose markers are still alive:`,
      ...shown,
    ].join('\n'),
  );
}

async function databaseClock(client: pg.ClientBase): Promise<() => number> {
  const databaseMs = await readDatabaseTime(client);
  const readAtMs = performance.now();
  return () => databaseMs + (performance.now() - readAtMs);
}

function markerReader({ markers, callTimeoutMs }: AdoptionStores): KeySearch['readMarkers'] {
  return markers === null ? null : async (keys) => observeMarkers(markers, keys, callTimeoutMs);
}

/** The marker under a released claim's key is another attempt's. */
function withoutReleased(
  sightings: readonly Sighting[],
  status: string | null,
  released: readonly string[],
): Sighting[] {
  return sightings.filter(({ row }) => !released.includes(row.texts.get(status ?? '') ?? ''));
}

/** A column of the name that is ours, and holds something else. */
function takenColumn({ facts }: LookedAtTable): ColumnFacts | undefined {
  return facts.columns.find(({ name, base_type: type }) => name === 'change_xid' && type !== 'xid8');
}

function undecidedTable(looked: LookedAtTable): string[] {
  const taken = takenColumn(looked);
  return [
    ...(taken === undefined
      ? []
      : [
          `columns.change: the table has a column change_xid of type ${taken.type}, which is something else. Give the new one another name, with a trigger function of your own like reconciler.stamp_change().`,
        ]),
    ...(looked.measures.published
      ? [
          'replication: the table is published. Add the column on the subscribers first, or their replication stops at the first row that has it.',
        ]
      : []),
  ];
}
