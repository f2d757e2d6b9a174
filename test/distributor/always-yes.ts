/** A module of an application whose distributor grants whatever it is asked for. */
import type { GrantAnswer } from '../../src/domain/distributor.ts';

export async function grant(): Promise<GrantAnswer> {
  return { kind: 'granted' };
}

export async function lookup(): Promise<GrantAnswer> {
  return { kind: 'granted' };
}
