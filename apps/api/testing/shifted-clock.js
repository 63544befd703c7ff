import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into the service's own process before it starts (`node --import`): its clock is off by CLOCK_SHIFT_MS, and by
 * another number of milliseconds as soon as its parent says so. The monotonic clock is left alone, as it is when a
 * machine's clock is set.
 */
const right = Date;
let shift = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const now = () => right.now() + shift;

globalThis.Date = new Proxy(right, {
  apply: () => new right(now()).toString(),
  construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [now()] : given, as),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

// The service's worker threads load it too, and are not what is told.
if (isMainThread && process.channel !== undefined) {
  process.on('message', (told) => {
    shift = told.shift;
    process.send({ shifted: shift });
  });
  // The parent's channel is no reason to stay.
  process.channel.unref();
}
