import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { dataSchemaOf, eventSchemas, noData } from './event-schema.js';

type Ended = { type: 'Ended'; at: string; reason?: string | null };
type Event = { type: 'Begun' } | Ended;

const of = (data: z.ZodType): { version: number; tells: string; data: z.ZodType } => ({ version: 1, tells: '', data });
const Begun = { version: 1, tells: 'It begins.', data: noData };
const Ended = {
  version: 2,
  tells: 'It ends.',
  data: z.strictObject({ at: z.string(), reason: z.string().nullable().optional() }),
  before: { 1: z.strictObject({ when: z.string() }) },
};

const good = eventSchemas<Event>()({ Begun, Ended });

// What `npm run types` must refuse: were one of these to compile, its own line would fail there.
const make = eventSchemas<Event>();
export const refused = (): unknown[] => [
  // @ts-expect-error a type without a schema
  make({ Ended }),
  // @ts-expect-error a schema without a type
  make({ Begun, Ended, Gone: Begun }),
  // @ts-expect-error a field that the type does not have
  make({ Begun, Ended: { ...Ended, data: Ended.data.extend({ more: z.string().optional() }) } }),
  // @ts-expect-error a field that the schema does not have, though it is optional
  make({ Begun, Ended: { ...Ended, data: Ended.data.omit({ reason: true }) } }),
  // @ts-expect-error a field of another type
  make({ Begun, Ended: { ...Ended, data: Ended.data.extend({ at: z.number() }) } }),
  // @ts-expect-error a field that is narrower than the type
  make({ Begun, Ended: { ...Ended, data: Ended.data.extend({ at: z.literal('now') }) } }),
  // @ts-expect-error a schema of which nothing is known
  make({ Begun, Ended: of(Ended.data) }),
];

test('the schema is that of the version in which the event was stored', () => {
  expect(dataSchemaOf(good, 'Ended', 2)).toBe(good.Ended.data);
  expect(dataSchemaOf(good, 'Ended', 1)).toBe(good.Ended.before[1]);
  for (const [type, version] of [
    ['Ended', 3],
    ['Gone', 1],
    ['toString', 1],
  ] as const)
    expect(dataSchemaOf(good, type, version)).toBeUndefined();
  expect(noData.safeParse({}).success).toBe(true);
  expect(noData.safeParse({ more: 1 }).success).toBe(false);
});
