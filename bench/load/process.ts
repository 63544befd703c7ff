import type { Sample } from '../measure.js';
import { jobs, type Jobs } from './jobs.js';

/** The load's own process: does what it is told, one job after another, and answers with what it took. */
interface Told {
  id: number;
  job: keyof Jobs;
  options: never;
}

process.on('message', ({ id, job, options }: Told) => {
  const work: (options: never) => Promise<Sample> = jobs[job];
  work(options).then(
    (sample) => process.send!({ id, sample }),
    (error: unknown) =>
      process.send!({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// Whoever tells is gone: connections that are open would keep this process for ever.
process.on('disconnect', () => process.exit(0));
process.send!({ ready: true });
