/**
 * The schema of a source's distributor, and the address that its keys make.
 * Invariant kept: no header's value gets into a message. Does not compare keys with each other: see `agreement.ts`.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { notGrantedChoices, type DistributorAddress } from '../domain/source.ts';
import { choice, duration, field, integer, section, text } from './fields.ts';
import { isMap, kindOf } from './problem.ts';

export const distributorDefaults = {
  /** Most answer within a second; the one who claims is waiting. */
  timeoutMs: 3_000,
  /** Gets over a connection that was closed, or a server that is being replaced. */
  retries: 2,
} as const;

/** Whoever hands out more slowly does it later, and must be asked what became of it. */
const timeoutMaxMs = 600_000;

/** Set by the protocol, or by HTTP itself. */
const ownHeaders = new Set([
  'idempotency-key',
  'grant-not-after',
  'content-type',
  'content-length',
  'connection',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function distributorSchema() {
  return section({
    url: httpUrl().optional(),
    headers: headers().default({}),
    module: text(
      'must be the path of a module, such as ./distributor.mjs, from the folder of this file',
    ).optional(),
    timeout: duration({ maxMs: timeoutMaxMs }).default(distributorDefaults.timeoutMs),
    retries: integer(0, 10).default(distributorDefaults.retries),
    notGranted: choice(notGrantedChoices).default('grant'),
  }).nullish();
}

type DistributorInput = z.output<ReturnType<typeof distributorSchema>>;

/** @param folder that of the configuration file, absolute */
export function buildAddress(input: DistributorInput, folder: string): DistributorAddress | null {
  if (input === null || input === undefined) return null;
  const { url, module, headers, retries, timeout: timeoutMs } = input;
  if (url !== undefined) return { kind: 'http', url, headers, timeoutMs, retries };
  if (module !== undefined) return { kind: 'module', file: resolve(folder, module), timeoutMs };
  throw new Error('a distributor without an address must have been refused');
}

function httpUrl(): z.ZodType<string> {
  return field(
    'must be the HTTP address of the distributor, such as https://gifts.internal/grants, to which /<attempt> is added',
    (value) => {
      if (!URL.canParse(value)) return undefined;
      const { protocol, hash } = new URL(value);
      return ['http:', 'https:'].includes(protocol) && hash === '' ? value : undefined;
    },
  );
}

/** A map of names to values; the names in small letters. */
function headers(): z.ZodType<Readonly<Record<string, string>>> {
  return z.unknown().transform((input, context): Readonly<Record<string, string>> => {
    if (input === null) return {};
    if (!isMap(input)) {
      context.addIssue({
        code: 'custom',
        message: `must be a map of header names; it is ${kindOf(input)}`,
        input,
      });
      return z.NEVER;
    }
    const read = new Map<string, string>();
    for (const [name, value] of Object.entries(input)) {
      const problem =
        problemOfHeader(name, value) ?? (read.has(name.toLowerCase()) ? 'is there twice' : null);
      if (problem !== null)
        context.addIssue({ code: 'custom', message: problem, path: [name], input: value });
      else if (typeof value === 'string') read.set(name.toLowerCase(), value);
    }
    return Object.fromEntries(read);
  });
}

function problemOfHeader(name: string, value: unknown): string | null {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return 'must be the name of an HTTP header, such as authorization';
  if (ownHeaders.has(name.toLowerCase())) return 'is set by the program itself; leave it out';
  if (typeof value !== 'string' || !/^[!-~]([\t -~]*[!-~])?$/.test(value)) {
    return 'must be the value of an HTTP header: printable ASCII, without blanks at its ends';
  }
  return null;
}
