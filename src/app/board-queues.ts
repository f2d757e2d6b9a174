/**
 * The queues as the board shows them: names and sentences for people, and how a job can be asked for there.
 */
import { byHandPath, type BoardQueue } from '../http/board.ts';
import { describeByHandRequest } from '../schedule/by-hand-payload.ts';
import { describePassRequest } from '../schedule/pass-payload.ts';

export function describeQueues(
  passes: BoardQueue['queue'],
  chunks: BoardQueue['queue'],
  byHand: BoardQueue['queue'],
  deliveries: readonly BoardQueue['queue'][],
  canaries: readonly BoardQueue['queue'][],
): BoardQueue[] {
  return [
    {
      queue: passes,
      title: 'Passes',
      description:
        'One job a pass over a source. They come from the schedule, or from “Run a pass now” on the overview.',
      requests: { schema: describePassRequest(), pageOf: null },
    },
    {
      queue: chunks,
      title: 'Chunks of large windows',
      description:
        'One job a piece of a pass that has much to read, as a part of the job of the pass. Any worker takes it; what none takes the pass judges itself.',
      requests: null,
    },
    {
      queue: byHand,
      title: 'Repairs by hand',
      description:
        'What people ask for. A repair is only planned unless its data say "apply": true; who asked is added by the server.',
      requests: { schema: describeByHandRequest(), pageOf: byHandPath },
    },
    ...deliveries.map((queue) => ({
      queue,
      title: 'Alerts on their way',
      description:
        'One job a try to tell one receiver of one alert. What is due stands in Postgres: an emptied queue fills again.',
      requests: null,
    })),
    ...canaries.map((queue) => ({
      queue,
      title: 'Faults for the canary',
      description:
        'One job a fault that is put into a claim of our own. The passes must find and repair it in time, or an alert is raised.',
      requests: null,
    })),
  ];
}
