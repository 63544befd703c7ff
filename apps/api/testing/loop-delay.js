import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into the service's own process before it starts (`node --import`): asked by its parent, it tells for how long the event
 * loop stood still at most since it was last asked, in milliseconds, and how much memory is in use after a collection.
 */
// The service's worker threads load it too, and are not what is asked.
if (isMainThread) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  process.on('message', (asked) => {
    if (asked === 'reset') delays.reset();
    if (asked === 'memory') globalThis.gc?.();
    process.send({ delay: delays.max / 1e6, memory: process.memoryUsage() });
  });
  // The parent's channel is no reason to stay.
  process.channel.unref();
}
