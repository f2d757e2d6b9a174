/**
 * Job: takes a report of an application that could not give a marker back. See `src/reconcile/report-claim.ts`.
 */
import { z } from 'zod';
import { didYouMean } from '../src/domain/nearest-name.ts';
import { OperatingError } from '../src/domain/operating-error.ts';
import type { Source } from '../src/domain/source.ts';
import { matchTemplate, type Template } from '../src/domain/template.ts';
import { judgings, reportClaim, type ReportAnswer, type ReportDeps } from '../src/reconcile/report-claim.ts';
import type { JobReporter } from './job.ts';

export const name = 'report';

const by = text(200);
const fields = {
  source: text(63),
  // An index of Postgres holds a little more than these bytes.
  markerKey: text(1_024, 2_000),
  attempt: text(200),
  reason: text(1_000),
};

export const payloadSchema = z.strictObject({ ...fields, by, judging: z.enum(judgings) });

export type Payload = z.infer<typeof payloadSchema>;

/** Throws what `reportClaim` throws. */
export async function run(
  { judging, ...said }: Payload,
  deps: ReportDeps,
  report: JobReporter,
): Promise<ReportAnswer> {
  const answer = await reportClaim(deps, said, judging);
  report.log(`Report ${answer.reportId}: ${answer.note}`);
  return answer;
}

/** What an application says; `by` where it is to be on record under another name than it is known by. */
const saidSchema = z.strictObject(
  { ...fields, by: by.optional() },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? 'has keys that a report does not have: it has source, markerKey, attempt, reason and, if need be, by'
        : 'must be an object with source, markerKey, attempt and reason',
  },
);

/**
 * What was said, checked. Throws `bad_report` with all problems at once; nothing of what was said is repeated in them.
 * @param who who says it, where the report itself does not name anybody
 */
export function readReport(said: unknown, sources: readonly Source[], who: string): Omit<Payload, 'judging'> {
  const parsed = saidSchema.safeParse(said);
  const wrong = new Map(
    (parsed.error?.issues ?? []).map(({ path, message }) => [path.join('.'), message] as const),
  );
  addPlaceProblems(said, sources, wrong);
  if (parsed.success && wrong.size === 0) return { ...parsed.data, by: parsed.data.by ?? who };
  const lines = ['', ...Object.keys(fields), 'by'].flatMap((path) => {
    const message = wrong.get(path);
    return message === undefined ? [] : [`  - ${path === '' ? 'it' : `${path}:`} ${message}`];
  });
  throw new OperatingError('bad_report', `The report is refused; nothing was stored:\n${lines.join('\n')}`);
}

/** Whether there is such a source, and whether the key can be one of its markers. */
function addPlaceProblems(said: unknown, sources: readonly Source[], wrong: Map<string, string>): void {
  if (typeof said !== 'object' || said === null || Array.isArray(said) || wrong.has('source')) return;
  const { source: sourceName, markerKey } = said as Record<'source' | 'markerKey', string>;
  const names = sources.map(({ name: known }) => known);
  const source = sources.find(({ name: known }) => known === sourceName);
  if (source === undefined) {
    wrong.set(
      'source',
      `is not one of those configured (${names.join(', ')})${didYouMean(sourceName, names)}`,
    );
  } else if (!wrong.has('markerKey') && matchTemplate(source.marker.key, markerKey) === null) {
    wrong.set(
      'markerKey',
      `is no marker of ${source.name}, whose keys look like ${print(source.marker.key)}`,
    );
  }
}

function print(template: Template): string {
  return template.map((part) => (part.kind === 'literal' ? part.text : `{${part.name}}`)).join('');
}

function text(charactersMax: number, bytesMax = Number.POSITIVE_INFINITY): z.ZodType<string> {
  return z
    .string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be a text') })
    .superRefine((value, context) => {
      const problem = problemOf(value, charactersMax, bytesMax);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    });
}

function problemOf(value: string, charactersMax: number, bytesMax: number): string | null {
  if (value === '') return 'must not be empty';
  if (value.length > charactersMax) {
    return `must have at most ${charactersMax} characters; it has ${value.length}`;
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > bytesMax) return `must have at most ${bytesMax} bytes in UTF-8; it has ${bytes}`;
  if (value.includes('\u0000')) return 'must not contain U+0000, which Postgres cannot hold';
  return /\p{Surrogate}/u.test(value) ? 'must not contain half of a surrogate pair' : null;
}
