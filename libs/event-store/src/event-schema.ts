import { z } from 'zod';

/**
 * What an event of one type holds. `before`: its data in earlier schema versions; a released one stays, since logs hold
 * it for ever.
 */
export interface EventSchema {
  /** The schema version in which it is appended today. */
  version: number;
  /** One plain sentence. */
  tells: string;
  data: z.ZodType;
  before?: Record<number, z.ZodType>;
}

interface AnyEvent {
  type: string;
}

/** To the letter: a field that is optional in one alone makes a difference. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type DataOf<E extends AnyEvent, T> = Omit<Extract<E, { type: T }>, 'type'>;
type Agreeing<E extends AnyEvent, S> = {
  [T in keyof S]: T extends E['type']
    ? S[T] extends { data: infer D extends z.ZodType }
      ? Same<z.output<D>, DataOf<E, T>> extends true
        ? S[T]
        : { 'allows other data than its type': T }
      : never
    : { 'is in no union of events': T };
};
type Whole<E extends AnyEvent, S> = [Exclude<E['type'], keyof S>] extends [never]
  ? unknown
  : { [T in Exclude<E['type'], keyof S>]: EventSchema };

/**
 * The schemas of a union of events. Does not compile while one of its types has no schema, where a schema allows other
 * data than the type, or for a type that is not in the union; the error names the type.
 */
export function eventSchemas<E extends AnyEvent>(): <S extends Partial<Record<string, EventSchema>>>(
  schemas: S & Agreeing<E, S> & Whole<E, S>,
) => S {
  return (schemas) => schemas;
}

/**
 * At the end of a switch over the types of an event: does not compile while one of them is not handled, and names it.
 */
export function unfolded(event: never): never {
  throw new TypeError(`nobody folds the event ${JSON.stringify(event)}`);
}

/** The data of an event that holds none. */
export const noData = z.strictObject({}) as unknown as z.ZodType<Omit<{ type: string }, 'type'>>;

/** The schema of an event's data as it was stored; undefined: no such event was ever released. */
export function dataSchemaOf(
  schemas: Readonly<Record<string, EventSchema>>,
  type: string,
  version: number,
): z.ZodType | undefined {
  const known = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  return known?.version === version ? known.data : known?.before?.[version];
}
