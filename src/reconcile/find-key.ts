/**
 * What a table's marker keys are made of, from examples that a person gave, and the markers that were seen on the way.
 * Invariants kept: markers are only read, by their keys, a bounded number of them; one that could not be read says nothing.
 */
import type pg from 'pg';
import {
  bestTemplates,
  deriveTemplates,
  fillTemplate,
  templatesOfAll,
  type FittingTemplates,
} from '../domain/adoption/derive-template.ts';
import type { FoundKey } from '../domain/adoption/propose-source.ts';
import type { SampleRow, Sighting } from '../domain/adoption/sample-row.ts';
import type { MarkerReading } from '../domain/marker.ts';
import { parseTemplate } from '../domain/template.ts';
import type { LookedAtTable } from '../postgres/adoption/look-at-table.ts';
import { findRowOf } from '../postgres/adoption/sample-rows.ts';

export interface KeySearch {
  readonly client: pg.ClientBase;
  readonly looked: LookedAtTable;
  readonly keys: readonly string[];
  /** Rows on which templates are tried. */
  readonly newest: readonly SampleRow[];
  /** Reads markers by their keys; null where there is no Redis to read from. */
  readonly readMarkers: ((keys: readonly string[]) => Promise<readonly MarkerReading[]>) | null;
  /** Database time, Unix milliseconds. */
  readonly nowMs: () => number;
}

interface Example {
  readonly key: string;
  readonly row: SampleRow | null;
  readonly marker: MarkerReading | null;
  readonly sightings: readonly Sighting[];
}

interface Trial {
  readonly template: string;
  readonly score: number;
  /** Rows that have a marker under the template's key; of those that share a key the newest. */
  readonly sightings: readonly Sighting[];
}

const candidatesMax = 6;

export async function findKey(
  search: KeySearch,
): Promise<{ readonly key: FoundKey; readonly sightings: readonly Sighting[] }> {
  const examples: Example[] = [];
  for (const key of search.keys) examples.push(await lookUpExample(search, key));
  const { fitting, lonely } = fitTogether(examples);
  const trials = await tryTemplates(search, fitting);
  const [best, ...rest] = trials;
  const others = rest.filter(
    ({ score, sightings }) => score === best?.score && sightings.length === best.sightings.length,
  );
  return {
    key: {
      template: best?.template ?? null,
      others: others.map(({ template }) => template),
      undecided: [...undecidedExamples(examples, lonely, best), ...undecidedMarkers(search, examples, best)],
      evidence: evidenceOf(search, best),
    },
    sightings: [...examples.flatMap(({ sightings }) => sightings), ...(best?.sightings ?? [])],
  };
}

interface FittingTogether {
  readonly fitting: FittingTemplates;
  /** Where the examples contradict each other: the one that tells the most, which is believed alone. */
  readonly lonely: string | null;
}

function fitTogether(examples: readonly Example[]): FittingTogether {
  const each = examples.flatMap(({ key, row }) =>
    row === null ? [] : [{ key, fitting: deriveTemplates(key, row) }],
  );
  const fitting = templatesOfAll(each.map((one) => one.fitting));
  const tells = (one: FittingTemplates): number => Math.max(0, ...one.values());
  const [most] = each.toSorted((a, b) => tells(b.fitting) - tells(a.fitting));
  return fitting.size > 0 || most === undefined
    ? { fitting, lonely: null }
    : { fitting: most.fitting, lonely: most.key };
}

/** Also by what the marker holds, which often is the attempt, and by that its row is found the soonest. */
async function lookUpExample(
  { client, looked, newest, readMarkers, nowMs }: KeySearch,
  key: string,
): Promise<Example> {
  const [marker = null] = (await readMarkers?.([key])) ?? [];
  const texts = marker?.kind === 'present' ? [key, marker.value] : [key];
  const row = await findRowOf(client, looked, texts, newest);
  return { key, row, marker, sightings: row === null ? [] : sight(row, marker, nowMs()) };
}

function sight(row: SampleRow, marker: MarkerReading | null | undefined, nowMs: number): Sighting[] {
  if (marker?.kind !== 'present') return [];
  const { value, expiresInMs } = marker;
  return [{ row, value, endsAtMs: expiresInMs === null ? null : nowMs + expiresInMs }];
}

/** Templates that fit, those first under whose keys the most rows have a marker. */
async function tryTemplates(search: KeySearch, fitting: FittingTemplates): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const template of bestTemplates(fitting, candidatesMax)) {
    trials.push({
      template,
      score: fitting.get(template) ?? 0,
      sightings: await tryTemplate(search, template),
    });
  }
  return trials.toSorted((a, b) => b.sightings.length - a.sightings.length || b.score - a.score);
}

async function tryTemplate({ newest, readMarkers, nowMs }: KeySearch, template: string): Promise<Sighting[]> {
  if (readMarkers === null) return [];
  // One marker says one thing, however many rows a template that leaves something out takes to it.
  const rows = new Map<string, SampleRow>();
  for (const row of newest) {
    const key = fillTemplate(template, row);
    if (key !== null && !rows.has(key)) rows.set(key, row);
  }
  const markers = await readMarkers([...rows.keys()]);
  return [...rows.values()].flatMap((row, at) => sight(row, markers[at], nowMs()));
}

function undecidedExamples(
  examples: readonly Example[],
  lonely: string | null,
  best: Trial | undefined,
): string[] {
  if (examples.length === 0)
    return ['marker.key: give the key of a claim as an example: --key gift:7:2:100180.'];
  const rowless = examples.filter(({ row }) => row === null).map(({ key }) => JSON.stringify(key));
  const constant = parseTemplate(best?.template ?? '').flatMap((part) =>
    part.kind === 'literal' ? [part.text] : [],
  );
  const unexplained = constant.filter((text) => /\p{N}/u.test(text)).map((text) => JSON.stringify(text));
  return [
    ...(rowless.length === 0
      ? []
      : [
          `marker.key: no row was found that ${rowless.join(', ')} could belong to. Rows are looked up by the parts of the key in indexed columns, and among those with the highest ids: give the key of a claim that was just made.`,
        ]),
    ...(lonely === null
      ? []
      : [`marker.key: the examples do not fit one template; ${JSON.stringify(lonely)} alone was believed.`]),
    ...(unexplained.length === 0
      ? []
      : [
          `marker.key: ${unexplained.join(', ')} is no column's value in the row that was found, and is taken for the same in all keys.`,
        ]),
  ];
}

function undecidedMarkers(
  { readMarkers, newest }: KeySearch,
  examples: readonly Example[],
  best: Trial | undefined,
): string[] {
  if (readMarkers === null)
    return ['marker.value, marker.ttl: no Redis is given (REDIS_URL), so that no marker was looked at.'];
  const troubles = examples.flatMap(({ key, marker }) =>
    marker?.kind === 'unread' || marker?.kind === 'undecodable'
      ? [`the marker ${JSON.stringify(key)}: ${marker.reason}.`]
      : [],
  );
  if (troubles.length > 0 || best === undefined || best.sightings.length > 0) return troubles;
  return [
    `marker.key: none of the ${newest.length} rows that were tried has a marker under ${best.template}. Perhaps their windows are over; otherwise it is wrong.`,
  ];
}

function evidenceOf({ newest }: KeySearch, best: Trial | undefined): string[] {
  if (best === undefined || best.sightings.length === 0) return [];
  return [
    `marker.key: ${best.sightings.length} of ${newest.length} rows that were tried (those with the highest ids) have a marker under ${best.template}`,
  ];
}
