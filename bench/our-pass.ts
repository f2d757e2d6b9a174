/**
 * Our own way, as the daemon does it: rewind to the beginning, then one whole pass with its lease, checkpoint and report.
 */
import { silentReporter } from '../jobs/job.ts';
import { run as runPass } from '../jobs/pass.ts';
import { createLog } from '../src/app/log.ts';
import { sentencesOf } from '../src/app/log-sentences.ts';
import { openDeps } from '../src/app/open-deps.ts';
import { demoConfig, giftSource } from '../src/demo/demo-source.ts';
import { rewindSource } from '../src/reconcile/rewind-source.ts';
import { underTerm } from '../src/reconcile/under-term.ts';
import type { StoresAddress, Way } from './way.ts';

export async function openOurPass(stores: StoresAddress): Promise<Way> {
  const sentences = sentencesOf(createLog({ level: 'fatal', descriptor: 2, pretty: false }));
  const deps = await openDeps(demoConfig(stores, 0), sentences, `${stores.prefix}bench`);
  const { signal } = new AbortController();
  await deps.untilRedisReady();
  // Waits for a horizon above all claims; the passes that are measured find it, as they would beside a daemon.
  const pass = { source: giftSource, by: 'bench', force: false };
  await runPass({ ...pass, waits: true }, deps, silentReporter, signal);
  return {
    async prepare() {
      await underTerm(deps, { source: giftSource, patienceMs: 1_000 }, signal, (context, term) =>
        rewindSource(context, term, { kind: 'beginning' }),
      );
    },
    async run() {
      const { checked } = await runPass({ ...pass, waits: false }, deps, silentReporter, signal);
      return checked;
    },
    close: () => deps.close(),
  };
}
