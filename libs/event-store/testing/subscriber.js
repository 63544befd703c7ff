import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A subscriber in a process of its own, to be killed: node subscriber.js <core database> <name> <from>. Prints each
 * position while it handles it.
 */
const { createEventStore, openCoreDatabase, sql, subscribe } = await import(
  new URL('../../../dist/libs/event-store/src/index.js', import.meta.url).href
);
const [url, name, from] = process.argv.slice(2);
const core = await openCoreDatabase(url);
subscribe(createEventStore(core), core, {
  name,
  from: Number(from),
  batchSize: 5,
  pollMs: 20,
  async handler(tx, events) {
    for (const { position } of events) {
      await tx.execute(sql`insert into handled values (${name}, ${position}, ${0})`);
      process.stdout.write(`${position}\n`);
      await sleep(Math.random() * 10);
    }
  },
});
