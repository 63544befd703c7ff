import { expect, test } from '@jest/globals';
import type { StoredEvent } from './event-store.js';
import { streamsOf } from './typed-streams.js';

type Event = { type: 'Begun'; name: string; size?: number } | { type: 'Ended'; at: string } | { type: 'Forgotten' };

const streams = streamsOf<Event>({ prefix: 'task', schemaVersion: 3 });

// What `npm run types` must refuse: were one of these to compile, its own line would fail there.
const of = (events: readonly Event[]): unknown => streams.append('1', 0, events);
const stored = {} as StoredEvent;
export const refused = (): unknown[] => [
  // @ts-expect-error a type that the union does not have
  of([{ type: 'Gone' }]),
  // @ts-expect-error a missing field
  of([{ type: 'Begun' }]),
  // @ts-expect-error a field that the type does not have
  of([{ type: 'Forgotten', name: 'a' }]),
  // @ts-expect-error a field of another type
  of([{ type: 'Begun', name: 1 }]),
  // @ts-expect-error another event's field
  of([{ type: 'Ended', at: 'now', name: 'a' }]),
  // @ts-expect-error more than an event has beside its type and data
  streams.append('1', 0, [{ type: 'Forgotten' }], [{ schema_version: 2 }]),
  // @ts-expect-error a field that is read without a look at the type
  streams.decode(stored).name,
  // @ts-expect-error a fold to something else than it began with
  streams.fold(0, [stored], (_sum, event) => event.type),
];

const event = (version: number, type: string, data: object): StoredEvent => ({
  event_id: `e${version}`,
  position: version,
  stream: 'task-1',
  version,
  type,
  schema_version: 3,
  data,
  metadata: { correlation_id: 'c', causation_id: null, actor: 'a' },
  recorded_at: '2026-01-01T00:00:00.000Z',
  hash: '',
});

test('a stream is of one kind, and tells whose it is', () => {
  expect(streams.name('1')).toBe('task-1');
  expect(streams.idOf('task-1')).toBe('1');
  expect(streams.idOf('task-a-b')).toBe('a-b');
  for (const other of ['tasks-1', 'task', 'task1', 'subtask-1', 'Task-1', '']) expect(streams.idOf(other)).toBeNull();
});

test('an append takes the type apart from the data, and leaves the order of the fields as it is', () => {
  const append = streams.append('1', 4, [{ size: 2, type: 'Begun', name: 'a' }, { type: 'Forgotten' }]);
  expect(append).toEqual({
    stream: 'task-1',
    expectedVersion: 4,
    events: [
      { type: 'Begun', schema_version: 3, data: { size: 2, name: 'a' } },
      { type: 'Forgotten', schema_version: 3, data: {} },
    ],
  });
  expect(append.events.map(({ data }) => JSON.stringify(data))).toEqual(['{"size":2,"name":"a"}', '{}']);
});

test('what an event has beside its data goes with it alone', () => {
  const { events } = streams.append(
    '1',
    0,
    [{ type: 'Begun', name: 'a' }, { type: 'Forgotten' }],
    [{ event_id: 'e', causation_id: 'c' }],
  );
  expect(events).toEqual([
    { type: 'Begun', schema_version: 3, data: { name: 'a' }, event_id: 'e', causation_id: 'c' },
    { type: 'Forgotten', schema_version: 3, data: {} },
  ]);
});

test('what was appended is read back as it was given', () => {
  const given: Event[] = [{ type: 'Begun', name: 'a', size: 1 }, { type: 'Forgotten' }];
  const read = streams.append('1', 0, given).events.map(({ type, data }, i) => event(i + 1, type, data));
  expect(read.map((one) => streams.decode(one))).toEqual(given);
});

test('a fold plays the events forward from where it begins', () => {
  const log = [event(1, 'Begun', { name: 'a' }), event(2, 'Ended', { at: 'now' })];
  const told = streams.fold<string[]>(['before'], log, (all, one, { version }) => [
    ...all,
    `${version} ${one.type === 'Begun' ? one.name : one.type}`,
  ]);
  expect(told).toEqual(['before', '1 a', '2 Ended']);
  expect(streams.fold<string | null>(null, [], () => 'never')).toBeNull();
});
