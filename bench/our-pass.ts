/**
 * Our own way, as the daemon does it: rewind to the beginning, then one whole pass with its lease, checkpoint and report.
 */
import { run as runPass } from '../jobs/pass.ts';
import { createLog } from '../src/app/log.ts';
import { sentencesOf } from '../src/app/log-sentences.ts';
import { openDeps } from '../src/app/open-deps.ts';
import { demoConfig, giftSource } from '../src/demo/demo-source.ts';
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { rewindSource } from '../src/reconcile/rewind-source.ts';
import { underTerm } from '../src/reconcile/under-term.ts';

export interface OurPass {
  /** Rows judged; the rewind before it is not part of what is measured by any other way either, and costs milliseconds. */
  run(): Promise<number>;
  close(): Promise<void>;
}

const silent = { log: () => undefined, progress: () => undefined };

export async function openOurPass(stores: OpenDemoStores): Promise<OurPass> {
  const sentences = sentencesOf(createLog({ level: 'fatal', descriptor: 2, pretty: false }));
  const deps = await openDeps(demoConfig(stores, 0), sentences, `${stores.prefix}bench`);
  const { signal } = new AbortController();
  const pass = { source: giftSource, by: 'bench', force: false, waits: true };
  await deps.untilRedisReady();
  await runPass(pass, deps, silent, signal);
  return {
    async run() {
      await underTerm(deps, { source: giftSource, patienceMs: 1_000 }, signal, (context, term) =>
        rewindSource(context, term, { kind: 'beginning' }),
      );
      const { checked } = await runPass(pass, deps, silent, signal);
      return checked;
    },
    close: () => deps.close(),
  };
}
