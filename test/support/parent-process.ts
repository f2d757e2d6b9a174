/** What process-handle.test.ts kills: it has a child under a watchdog, as test processes have. */
import { spawn } from 'node:child_process';
import { startWatchdog } from '../../src/embedded/watchdog.ts';

const child = spawn('sleep', ['600'], { stdio: 'ignore' });
startWatchdog([]).guard(child.pid ?? null);
process.stdout.write(`child ${child.pid}\n`);
