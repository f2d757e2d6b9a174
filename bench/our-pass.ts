/**
 * Our own way, as the daemon does it: one whole pass with its lease, checkpoint and report. Before each, the checkpoint goes
 * back so far that as many claims are new as are asked for.
 */
import { silentReporter } from '../jobs/job.ts';
import { run as runPass } from '../jobs/pass.ts';
import { createLog } from '../src/app/log.ts';
import { sentencesOf } from '../src/app/log-sentences.ts';
import { openDeps } from '../src/app/open-deps.ts';
import type { Config } from '../src/config.ts';
import { demoConfig, giftSource } from '../src/demo/demo-source.ts';
import { rewindSource } from '../src/reconcile/rewind-source.ts';
import { underTerm } from '../src/reconcile/under-term.ts';
import type { StoresAddress, Way } from './way.ts';

/** @param rows how many claims are new; those before them count as judged */
export async function openOurPass(stores: StoresAddress, rows: number): Promise<Way> {
  const sentences = sentencesOf(createLog({ level: 'fatal', descriptor: 2, pretty: false }));
  const deps = await openDeps(unbraked(demoConfig(stores, 0)), sentences, `${stores.prefix}bench`);
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
      await deps.pool.query(
        `update reconciler.checkpoint set change_xid = c.change_xid, id = c.id::text
         from (select change_xid, id from gift_claim order by change_xid desc, id desc offset $2 limit 1) c where source = $1`,
        [giftSource, rows],
      );
    },
    async run() {
      const { checked } = await runPass({ ...pass, waits: false }, deps, silentReporter, signal);
      return checked;
    },
    close: () => deps.close(),
  };
}

/** A bench of repairs has nothing but wrong markers, which is what the brake is for. */
function unbraked(config: Config): Config {
  const brake = { repairsPerPlan: 20_000, repairsPerHour: 1_000_000, share: 1, shareSample: 200 };
  return {
    ...config,
    sources: config.sources.map((source) => ({ ...source, rules: { ...source.rules, brake } })),
  };
}
