/**
 * Words of a distributor, or of what failed while it was asked, made fit for people, logs and Postgres.
 * Invariant kept: short, without control characters and halves of characters, and without what looks like a password, a
 * token or the credentials of a URL. Does not translate anything.
 */

const charsMax = 300;
/** More is not even looked at. */
const readMax = 4_000;

const secrets: readonly (readonly [RegExp, string])[] = [
  [/:\/\/\S*@/g, '://***@'],
  [/\b(bearer|basic)\s+[\w+/=.~-]{12,}/gi, '$1 ***'],
  [
    /\b(\w*(?:passw(?:or)?d|pwd|secret|token|api[-_ ]?key|authorization))(["']?\s*[:=]\s*["']?)(?:(?:bearer|basic)\s+)?[^\s"',;&]+/gi,
    '$1$2***',
  ],
];

/** @param said an error, or a text */
export function plainReason(said: unknown): string {
  const text = textOf(said)
    .slice(0, readMax)
    .replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\s]+/gu, ' ');
  const plain = secrets.reduce((rest, [secret, shown]) => rest.replaceAll(secret, shown), text).trim();
  const characters = Array.from(plain);
  if (characters.length > charsMax) return `${characters.slice(0, charsMax - 1).join('')}…`;
  return plain === '' ? 'no reason was given' : plain;
}

/** An error's cause often says more than the error: `fetch failed` is caused by a refused connection. */
function textOf(said: unknown): string {
  if (typeof said === 'string') return said;
  if (!(said instanceof Error)) return 'what was thrown is no error';
  const own = messageOf(said);
  const { cause } = said;
  return cause instanceof Error ? `${own}: ${messageOf(cause)}` : own;
}

/** A host with several addresses gives one error for all of them, without a message. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
