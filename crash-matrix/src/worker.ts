import { isEnded, loadSaga } from '#sagas';
import { v7 as uuid } from 'uuid';
import { gather, type Evidence } from './evidence.js';
import { Points, type Point } from './points.js';
import type { Direction } from './scenarios.js';
import { openWorld, type Place, type World } from './world.js';

/** Runs the sagas of one place until the one that matters has ended, or dies at `killAt`. */
export interface Job {
  place: Place;
  direction: Direction;
  killAt: string | null;
}
export type Report =
  { ok: true; evidence: Evidence; points: Point[]; log: string[] } | { ok: false; error: string; log: string[] };

const POLL_MS = 5;
/** Long: many cases run side by side, on a machine that may have other things to do. */
const PATIENCE_MS = 60_000;

process.on('message', (job: Job) => {
  const log: string[] = [];
  work(job, log)
    .catch((error: unknown): Report => ({
      ok: false,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      log,
    }))
    .then(
      (report) => {
        process.send!(report);
      },
      () => process.exit(1),
    );
});
process.on('disconnect', () => {
  process.exit(0);
});
if (process.connected) process.send!('ready');

async function work(job: Job, log: string[]): Promise<Report> {
  const points = new Points(job.killAt);
  const world = await openWorld(job.place, points, job.direction, (line) => log.push(line));
  try {
    world.orchestrator.start();
    let wasStuck = false;
    while ((await settle(world, job.place.sagaId)) === 'stuck') {
      if (wasStuck) throw new Error('stuck, and a retry left it stuck');
      wasStuck = true;
      await world.orchestrator.retry(job.place.sagaId, 'a person looked at it', {
        correlation_id: uuid(),
        causation_id: null,
        actor: 'operator',
      });
    }
    await world.orchestrator.stop();
    return { ok: true, evidence: await gather(world, job.place, wasStuck), points: points.met, log };
  } finally {
    await world.close();
  }
}

async function settle(world: World, sagaId: string): Promise<'ended' | 'stuck'> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const saga = (await loadSaga(world.core, sagaId))!;
    if (isEnded(saga)) return 'ended';
    if (saga.status === 'stuck') return 'stuck';
    if (Date.now() > until)
      throw new Error(
        `not ended after ${PATIENCE_MS} ms: ${saga.status} ` +
          `${JSON.stringify(saga.steps.map((s) => [s.target.name, s.operation, s.status, s.attempts, s.error]))}`,
      );
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
