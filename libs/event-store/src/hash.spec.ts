import { describe, expect, test } from '@jest/globals';
import type { StoredEvent } from './event-store.js';
import { canonicalJson, findBrokenLink, hashEvent } from './hash.js';

const content = (version: number): Omit<StoredEvent, 'position' | 'hash'> => ({
  event_id: `id-${version}`,
  stream: 's',
  version,
  type: 't',
  schema_version: 1,
  data: { b: [1, { z: null, a: 'é' }], a: 1 },
  metadata: { correlation_id: 'c', causation_id: null, actor: 'a' },
  recorded_at: '2030-01-01T00:00:00.000Z',
});
const chain = (length: number): StoredEvent[] => {
  let hash = '';
  return Array.from({ length }, (_, i) => ({
    ...content(i + 1),
    position: i + 1,
    hash: (hash = hashEvent(content(i + 1), hash)),
  }));
};

describe('the hash of an event', () => {
  test('never changes between versions of this code', () => {
    expect(hashEvent(content(1), '')).toBe('6ac91a354f17bc224af81c8f8e0e7835d1fd2716efd4038ce68abc0e56fe5f8a');
  });

  test('does not depend on the order of keys', () => {
    expect(hashEvent({ ...content(1), data: { a: 1, b: [1, { a: 'é', z: null }] } }, '')).toBe(
      hashEvent(content(1), ''),
    );
  });

  test('canonical JSON sorts keys at every depth, and keeps lists as they are', () => {
    expect(canonicalJson({ b: [2, 1, { y: 1, x: 'ü"' }], a: null, B: true, __proto__x: 0 })).toBe(
      '{"B":true,"__proto__x":0,"a":null,"b":[2,1,{"x":"ü\\"","y":1}]}',
    );
  });
});

describe('the chain of a stream', () => {
  test('is whole', () => expect(findBrokenLink(chain(3))).toBeNull());

  test('an event that was changed together with its own hash breaks it at the next', () => {
    const events = chain(3);
    const forged = { ...events[1]!, data: { forged: true } };
    expect(findBrokenLink([events[0]!, { ...forged, hash: hashEvent(forged, events[0]!.hash) }, events[2]!])).toBe(
      events[2],
    );
  });

  test('events that changed places, or the first one missing, are found', () => {
    const [a, b, c] = chain(3) as [StoredEvent, StoredEvent, StoredEvent];
    expect(findBrokenLink([b, a, c])).toBe(b);
    expect(findBrokenLink([b, c])).toBe(b);
  });
});
