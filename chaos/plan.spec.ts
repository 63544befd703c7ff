import { expect, test } from '@jest/globals';
import { plan } from './plan.js';
import type { Item } from './plan-items.js';

const databases = [
  { name: 'default', engine: 'sqlite' },
  { name: 'pg', engine: 'postgres' },
  { name: 'my', engine: 'mysql' },
] as const;

function first(count: number, seed: number, restore = false): Item[] {
  const items: Item[] = [];
  for (const item of plan({ seed, kills: 1000, killsPerChange: 0.5, databases: [...databases], restore })) {
    if (items.push(item) === count) break;
  }
  return items;
}

test('a seed gives the same plan again, and another seed another one', () => {
  expect(first(800, 7)).toEqual(first(800, 7));
  expect(first(50, 7)).not.toEqual(first(50, 8));
});

test('a plan holds every kind of change and of fault, and as many kills as asked for', () => {
  const items = first(2000, 1, true);
  const changes = items.flatMap((item) => (item.item === 'change' ? [item] : []));
  const faults = items.flatMap((item) => (item.item === 'fault' ? [item] : []));
  expect(new Set(changes.map((c) => c.change.what))).toEqual(
    new Set(['create', 'columns', 'rename', 'drop', 'restore']),
  );
  expect(new Set(faults.map((f) => f.fault))).toEqual(new Set(['kill', 'cut', 'wipe', 'restart', 'lock']));
  expect(faults.filter((f) => f.fault === 'kill').length).toBe(Math.floor(changes.length / 2));
  expect(
    changes.some((c) => c.poisoned) && changes.some((c) => c.twice) && changes.some((c) => c.abortAfterMs !== null),
  ).toBe(true);
  expect(
    changes.some((c) => c.change.what === 'create' && c.change.occupied?.late === true) &&
      changes.some((c) => c.change.what === 'create' && c.change.occupied?.late === false),
  ).toBe(true);
});

test('nothing is restored unless asked for', () => {
  expect(first(2000, 1).filter((item) => item.item === 'change' && item.change.what === 'restore')).toEqual([]);
});

test('a storm holds adoptions, moves, reverts and drift as well, and never takes a table from its last database', () => {
  const items: Item[] = [];
  for (const item of plan({
    seed: 3,
    kills: 0,
    killsPerChange: 0,
    databases: [...databases],
    restore: true,
    storm: true,
  }))
    if (items.push(item) === 2000) break;
  const changes = items.flatMap((item) => (item.item === 'change' ? [item.change] : []));
  expect(new Set(changes.map((c) => c.what))).toEqual(
    new Set(['create', 'columns', 'rename', 'drop', 'restore', 'adopt', 'databases', 'revert', 'drift']),
  );
  expect(new Set(changes.flatMap((c) => (c.what === 'drift' ? [`${c.hand} ${c.as}`] : [])))).toEqual(
    new Set(['add adopt', 'add restore', 'add ignore', 'drop restore']),
  );
  expect(changes.filter((c) => c.what === 'databases' && c.add.length === 0 && c.remove.length === 0)).toEqual([]);
});
