/**
 * What the keys of a distributor say about each other, and about how soon claims are judged.
 */
import { distributorDefaults } from './distributor-schema.ts';
import { formatDuration } from './duration.ts';
import type { Problem } from './problem.ts';
import type { SourceNode } from './source-node.ts';
import { sourceDefaults } from './source-schema.ts';

export function checkDistributor({ path, has, hasMap }: SourceNode): Problem[] {
  const at = [...path, 'distributor'];
  if (!hasMap('distributor')) return [];
  const [hasUrl, hasModule] = [has('distributor', 'url'), has('distributor', 'module')];
  if (hasUrl && hasModule)
    return [{ path: at, message: 'url and module exclude each other: give one of them' }];
  if (!hasUrl && !hasModule) {
    const message = 'must say where it is: url (an HTTP address), or module (a file of the application)';
    return [{ path: at, message }];
  }
  return ['headers', 'retries']
    .filter((key) => hasModule && has('distributor', key))
    .map((key) => ({ path: [...at, key], message: 'goes with url only; here module says how it is asked' }));
}

/** Judged sooner, a claim whose grant is still on its way would look like one that was not granted. */
export function checkGrace({ path, has, hasMap, durationAt }: SourceNode): Problem[] {
  if (!hasMap('distributor')) return [];
  const timeout = has('distributor', 'timeout')
    ? durationAt('distributor', 'timeout')
    : distributorDefaults.timeoutMs;
  const grace = has('grace') ? durationAt('grace') : sourceDefaults.graceMs;
  if (timeout === undefined || grace === undefined || grace >= 2 * timeout) return [];
  const least = formatDuration(2 * timeout);
  const message = `must be at least ${least}, twice distributor.timeout: a claim is not judged while its grant is on its way`;
  const unless = has('grace') ? '' : `; it is ${formatDuration(grace)} unless given`;
  return [{ path: [...path, 'grace'], message: `${message}${unless}`, showsValue: true }];
}
