/**
 * A daemon inside the test process, over a world of `test/reconcile/support`, with its log and its port at hand.
 */
import { pino } from 'pino';
import { startDaemon, type Daemon } from '../../../src/app/daemon.ts';
import { loadConfig, type Config } from '../../../src/config.ts';
import { findFreePort } from '../../../src/embedded/free-port.ts';
import type { World } from '../../reconcile/support/world.ts';
import { shopConfig, type ShopSettings } from '../../cli/support/shop-config.ts';
import type { Program } from '../../cli/support/program.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface ShopDaemon {
  /** Settles as `startDaemon` does. */
  readonly started: Promise<Daemon>;
  readonly url: string;
  readonly get: (path: string) => Promise<Answer>;
  /** What it has logged so far: the sentences. */
  readonly log: () => readonly string[];
  /** As a signal to stop. */
  readonly abort: () => void;
  /** Aborts and waits for the end; true when nothing had to be cut off, and after a start that was called off. */
  readonly stop: () => Promise<boolean>;
}

interface DaemonSettings extends ShopSettings {
  readonly withOrders?: boolean;
  /** Changes what no file can say, such as times that are too short for a person. */
  readonly change?: (config: Config) => Config;
}

export async function startShopDaemon(
  world: Pick<World, 'databaseUrl' | 'redisUrl'>,
  program: Program,
  settings: DaemonSettings = {},
): Promise<ShopDaemon> {
  return startConfigured(
    shopConfig(world, { schedule: '* * * * * *', ...settings }, settings.withOrders === true),
    program,
    settings.change,
  );
}

/** @param text of the configuration file; its port is replaced by a free one */
export async function startConfigured(
  text: string,
  program: Program,
  change = (config: Config): Config => config,
): Promise<ShopDaemon> {
  const path = await program.write('daemon.yaml', text);
  const port = await findFreePort();
  const loaded = await loadConfig({ path, env: {}, cwd: program.folder() });
  const url = `http://127.0.0.1:${port}`;
  const sentences: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void sentences.push(sentenceOf(line)) });
  const stopping = new AbortController();
  const abort = (): void => stopping.abort(new Error('SIGTERM received'));
  const config = change({ ...loaded, http: { ...loaded.http, port } });
  const started = startDaemon(config, log, stopping.signal);
  started.catch(() => undefined);
  return {
    started,
    abort,
    log: () => sentences,
    url,
    get: async (path) => {
      const answer = await fetch(`${url}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
    stop: async () => {
      abort();
      const daemon = await started.catch(() => null);
      return daemon === null || daemon.stopped;
    },
  };
}

function sentenceOf(line: string): string {
  const { msg }: { msg?: string } = JSON.parse(line);
  return msg ?? '';
}
