import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into the service's own process before it starts (`node --import`): asked by its parent, it tells for how long
 * the event
 * loop stood still at most since it was last asked, in milliseconds, and how much memory is in use after a collection.
 * A stop in
 * which the process did not even compute is the machine's, which has others to serve: of each the time it computed
 * counts.
 */
// The service's worker threads load it too, and are not what is asked.
if (isMainThread) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  let [last, busy, longest] = [performance.now(), process.cpuUsage(), 0];
  const tick = () => {
    const [now, used] = [performance.now(), process.cpuUsage(busy)];
    longest = Math.max(longest, Math.min(now - last, (used.user + used.system) / 1000));
    [last, busy] = [now, process.cpuUsage()];
  };
  setInterval(tick, 1).unref();
  process.on('message', (asked) => {
    tick();
    if (asked === 'reset') {
      delays.reset();
      longest = 0;
    }
    if (asked === 'memory') globalThis.gc?.();
    process.send({ delay: Math.min(delays.max / 1e6, longest), memory: process.memoryUsage() });
  });
  // The parent's channel is no reason to stay.
  process.channel.unref();
}
