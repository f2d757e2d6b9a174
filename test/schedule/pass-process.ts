/**
 * A process with a worker, for the test beside it: `pass-process.ts REDIS PREFIX (wait|finish)`. With `wait` a pass runs
 * until it is told to stop.
 */
import { startPassWorker } from '../../src/schedule/pass-worker.ts';

const [url = '', prefix = '', manner = ''] = process.argv.slice(2);

const worker = startPassWorker({
  url,
  prefix,
  concurrency: 1,
  stallAfterMs: 2_000,
  onEvent: (event) => console.log(event.kind),
  run: async ({ source }, _view, signal) => {
    console.log(`runs ${source}`);
    if (manner === 'wait') {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return { source };
  },
});

process.once('SIGTERM', () => {
  void worker.close(1_000).then((clean) => console.log(`closed ${clean}`));
});
console.log('ready');
