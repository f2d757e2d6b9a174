/**
 * Makes the changes of repairs to markers, by compare-and-set.
 * Invariants kept: a marker that is not the one observed is never touched; nothing is written without an expiry. A lost
 * or late reply is `unknown`: the change may or may not have been made, and only looking again, after the call's
 * deadline, can tell.
 */
import { ReplyError } from 'ioredis';
import type { PresentMarker } from '../domain/marker.ts';
import type { MarkerChange } from '../domain/repair-action.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { stringMarkers, type MarkerForm } from './marker-form.ts';
import { runScript, type MarkerRedis, type Script, type ScriptArgument } from './script.ts';
import { readServerTime } from './server-time.ts';

export type ChangeResult =
  | { readonly kind: 'applied' }
  | { readonly kind: 'superseded' }
  /** Redis refused: the change was not made. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Makes the changes side by side, each at most `callTimeoutMs` after the server was asked for its time: one that arrives later is
 * refused by the server. Results come in the order of `actions`. Never throws for a store that fails.
 * @param confirm awaited after the time was asked for and before anything is sent; what it throws is thrown, and nothing is
 *   sent. So whoever makes it fail, and then waits for `callTimeoutMs`, sees all that will ever be changed.
 */
export async function changeMarkers(
  redis: MarkerRedis,
  actions: readonly MarkerChange[],
  callTimeoutMs: number,
  confirm: () => Promise<void> = async () => undefined,
  form: MarkerForm = stringMarkers,
): Promise<ChangeResult[]> {
  const [first] = actions;
  if (first === undefined) return [];
  const askTime = async ({ key }: MarkerChange): Promise<ServerTime> => {
    try {
      return { nowMs: await readServerTime(redis, key, callTimeoutMs) };
    } catch (error) {
      return { reason: describeRedisError(error).message };
    }
  };
  // One server has one clock: it is asked once for all.
  const shared = redis.isCluster ? null : await askTime(first);
  const times = await Promise.all(actions.map(async (action) => shared ?? askTime(action)));
  await confirm();
  return Promise.all(
    actions.map(async (action, at) => {
      const { nowMs, reason = '' } = times[at] ?? {};
      // Nothing was sent.
      if (nowMs === undefined) return { kind: 'failed', reason };
      return change(redis, { form, action, notAfterMs: nowMs + callTimeoutMs }, callTimeoutMs);
    }),
  );
}

/** Either the time by the server that holds the key, Unix milliseconds, or why it is not known. */
interface ServerTime {
  readonly nowMs?: number;
  readonly reason?: string;
}

async function change(
  redis: MarkerRedis,
  {
    form,
    action,
    notAfterMs,
  }: { readonly form: MarkerForm; readonly action: MarkerChange; readonly notAfterMs: number },
  callTimeoutMs: number,
): Promise<ChangeResult> {
  const [script, args] = scriptFor(action, form);
  try {
    const work = runScript(redis, script, [action.key], [Math.floor(notAfterMs), ...args, ...form.last]);
    const reply = await withDeadline(work, callTimeoutMs, 'changing a marker');
    return { kind: reply === 1 ? 'applied' : 'superseded' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof ReplyError ? 'failed' : 'unknown', reason };
  }
}

function scriptFor(action: MarkerChange, form: MarkerForm): [Script, ScriptArgument[]] {
  switch (action.kind) {
    case 'reissue_marker':
      return [form.reissue, [action.value, action.expiresInMs]];
    case 'delete_marker':
      return [form.remove, observed(action.observed)];
    case 'set_expiry':
      return [form.setExpiry, [...observed(action.observed), action.expiresInMs]];
    case 'replace_marker':
      return [form.replace, [...observed(action.observed), action.value, action.expiresInMs]];
  }
}

function observed(marker: PresentMarker): ScriptArgument[] {
  return [marker.value, marker.expiresInMs ?? -1];
}
