import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshRedis, tcpProxy, type Fresh } from '../../../../testing/fixtures.js';
import { BullQueue } from './bullmq.js';

let redis: Fresh;
const opened: BullQueue[] = [];
beforeEach(async () => {
  redis = await freshRedis();
});
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.stop();
  await redis.drop();
});

function open(url = redis.url): BullQueue {
  const queue = new BullQueue(url, 1, 'test', () => undefined);
  opened.push(queue);
  return queue;
}

/** Told again and again: whoever has just been connected does not listen yet. */
async function toldUntilHeard(teller: BullQueue, sagaId: string, heard: string[]): Promise<void> {
  for (const until = Date.now() + 20_000; !heard.includes(sagaId) && Date.now() < until;) {
    teller.tell(sagaId);
    await sleep(20);
  }
  expect(heard).toContain(sagaId);
}

test('what one process tells, all others hear', async () => {
  const [teller, one, two] = [open(), open(), open()];
  const heard: [string[], string[]] = [[], []];
  expect(one.onTold((sagaId) => heard[0].push(sagaId))).toBe(true);
  expect(two.onTold((sagaId) => heard[1].push(sagaId))).toBe(true);
  for (const each of heard) await toldUntilHeard(teller, 'saga-1', each);
});

test('who listens hears again when Redis is back; telling while it is away fails nobody', async () => {
  const proxy = await tcpProxy(Number(new URL(redis.url).port));
  const [teller, listener] = [open(), open(proxy.url(redis.url))];
  const heard: string[] = [];
  listener.onTold((sagaId) => heard.push(sagaId));
  await toldUntilHeard(teller, 'before', heard);
  proxy.refuse();
  proxy.cut();
  listener.tell('while it is away');
  await proxy.resume();
  await toldUntilHeard(teller, 'after', heard);
  await listener.stop();
  await proxy.close();
});
