import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Exclusive } from '../src/engine.js';

const SET_BACK_MS = 20_000;

/** A worker that stalled with the lock is ended as soon, though the clock is set back while its successor waits. */
export async function takesOverWhileClockIsSetBack(
  open: () => Connection,
  on: (tableId: string, token: number, lockTimeoutMs?: number) => Exclusive,
): Promise<void> {
  let letGo!: () => void;
  const over = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let took!: () => void;
  const had = new Promise<void>((resolve) => {
    took = resolve;
  });
  const stalled = open()
    .exclusively(on('clock', 1), async () => {
      took();
      await over;
    })
    .catch(() => undefined);
  await had;
  const [now, began] = [Date.now, performance.now()];
  try {
    const waiting = open().exclusively(on('clock', 2, 400), async () => 'successor');
    await sleep(50);
    Date.now = () => now() - SET_BACK_MS;
    expect(await waiting).toBe('successor');
    expect(performance.now() - began).toBeLessThan(5000);
  } finally {
    Date.now = now;
    letGo();
    await stalled;
  }
}
