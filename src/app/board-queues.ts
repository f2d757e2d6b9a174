/**
 * The queues as the board shows them: names and sentences for people, and how a job can be asked for there.
 */
import { byHandPath, type BoardQueue } from '../http/board.ts';
import { describeByHandRequest } from '../schedule/by-hand-payload.ts';
import { describePassRequest } from '../schedule/pass-payload.ts';
import type { DaemonQueues } from './daemon-queues.ts';

export function describeQueues({
  passes,
  chunks,
  rechecks,
  byHand,
  delivery,
  canary,
}: DaemonQueues): BoardQueue[] {
  return [
    {
      queue: passes.queue,
      title: 'Passes',
      description:
        'One job a pass over a source. They come from the schedule, or from “Run a pass now” on the overview.',
      requests: { schema: describePassRequest(), pageOf: null },
    },
    {
      queue: chunks.queue,
      title: 'Chunks of large windows',
      description:
        'One job a piece of a pass that has much to read, as a part of the job of the pass. Any worker takes it; what none takes the pass judges itself.',
      requests: null,
    },
    {
      queue: rechecks.queue,
      title: 'Rechecks',
      description:
        'One job a look at what waits in a source: claims in doubt, repairs that failed. Only where its next pass is far off; what is due stands in Postgres.',
      requests: null,
    },
    {
      queue: byHand.queue,
      title: 'Repairs by hand',
      description:
        'What people ask for. A repair is only planned unless its data say "apply": true; who asked is added by the server.',
      requests: { schema: describeByHandRequest(), pageOf: byHandPath },
    },
    ...delivery.queues.map((queue) => ({
      queue,
      title: 'Alerts on their way',
      description:
        'One job a try to tell one receiver of one alert. What is due stands in Postgres: an emptied queue fills again.',
      requests: null,
    })),
    ...canary.queues.map((queue) => ({
      queue,
      title: 'Faults for the canary',
      description:
        'One job a fault that is put into a claim of our own. The passes must find and repair it in time, or an alert is raised.',
      requests: null,
    })),
  ];
}
