/**
 * From the address of a distributor to one that can be asked.
 * Invariant kept: what cannot be used is told before anything is started, for all sources at once. Does not ask anything:
 * a distributor that is away is no reason not to start.
 */
import type { Distributor } from '../domain/distributor.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { DistributorAddress, Source } from '../domain/source.ts';
import { createHttpDistributor } from './http-distributor.ts';
import { loadModuleDistributor } from './module-distributor.ts';

/** Throws OperatingError `configuration` for an address or a module that cannot be used. */
export async function openDistributor(address: DistributorAddress): Promise<Distributor> {
  return address.kind === 'http' ? createHttpDistributor(address) : loadModuleDistributor(address.file);
}

/** By the name of its source, for those that have one. Throws OperatingError `configuration` with all problems. */
export async function openDistributors(
  sources: readonly Pick<Source, 'name' | 'distributor'>[],
): Promise<ReadonlyMap<string, Distributor>> {
  const opened = new Map<string, Distributor>();
  const problems: string[] = [];
  const opening = sources.map(async ({ name, distributor: address }) => {
    if (address === null) return;
    try {
      opened.set(name, await openDistributor(address));
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      problems.push(`  - sources.${name}.distributor: ${error.message}`);
    }
  });
  await Promise.all(opening);
  if (problems.length === 0) return opened;
  throw new OperatingError(
    'configuration',
    `Not every distributor can be used; nothing was started or changed:\n${problems.toSorted().join('\n')}`,
  );
}
