/**
 * The schema of the section `alerts`: who is told beside the log, and where the run-book is.
 * Invariant kept: no address and no secret gets into a message.
 */
import { z } from 'zod';
import { alertSeverities, defaultRunbook, type Receiver } from '../domain/alert-message.ts';
import { choice, field, optionalSection, section } from './fields.ts';
import { isMap, kindOf, valueAt, type Problem } from './problem.ts';

const receiverName = /^[a-z][a-z0-9_-]{0,62}$/;
/** Shorter ones can be guessed from a single message. */
const secretCharactersMin = 16;

export function alertsSchema() {
  return optionalSection({
    receivers: receivers().default({}),
    runbook: field(
      'must be the address of the run-book, such as https://wiki.example/claims, to which #<kind of alert> is added',
      (value) => (isHttpUrl(value) && new URL(value).hash === '' && !value.endsWith('#') ? value : undefined),
    ).default(defaultRunbook),
  });
}

function receivers() {
  const receiver = section({
    kind: choice(['webhook', 'slack']),
    url: field('must be an HTTP address, such as https://hooks.example/claims', (value) =>
      isHttpUrl(value) ? value : undefined,
    ),
    secret: field(
      `must be a secret of at least ${secretCharactersMin} characters, with which messages are signed`,
      (value) => (value.length >= secretCharactersMin ? value : undefined),
    ).optional(),
    severity: choice(alertSeverities).default('warning'),
    allowPrivate: choice(['true', 'false']).default('false'),
  });
  return z.record(z.string(), receiver, {
    error: ({ input }) =>
      `must be a map with a key for each receiver, such as oncall; it is ${kindOf(input)}`,
  });
}

export function buildReceivers(input: z.output<ReturnType<typeof receivers>>): Receiver[] {
  return Object.entries(input).map(([name, { secret, allowPrivate, ...rest }]) => ({
    ...rest,
    name,
    secret: secret ?? null,
    allowPrivate: allowPrivate === 'true',
  }));
}

/** What the keys say about each other, and the names that receivers may have. */
export function checkReceivers(tree: unknown): Problem[] {
  const at = ['alerts', 'receivers'];
  const found = valueAt(tree, at);
  if (!isMap(found)) return [];
  return Object.entries(found).flatMap(([name, receiver]): Problem[] => [
    ...(receiverName.test(name)
      ? []
      : [
          {
            path: [...at, name],
            message:
              'the name of a receiver must begin with a small letter and hold only small letters, digits, _ and -, at most 63',
          },
        ]),
    ...(valueAt(receiver, ['kind']) === 'slack' && valueAt(receiver, ['secret']) !== undefined
      ? [
          {
            path: [...at, name, 'secret'],
            message: 'goes with kind: webhook only; what a chat gets is not signed',
          },
        ]
      : []),
  ]);
}

/** What is allowed, but hardly meant. */
export function oddReceivers(tree: unknown): Problem[] {
  const at = ['alerts', 'receivers'];
  const found = valueAt(tree, at);
  if (!isMap(found)) return [];
  return Object.entries(found).flatMap(([name, receiver]): Problem[] => {
    if (valueAt(receiver, ['kind']) !== 'webhook' || valueAt(receiver, ['secret']) !== undefined) return [];
    const message = 'its messages are not signed: without a secret it cannot tell them from others’';
    return [{ path: [...at, name], message }];
  });
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
