import { sql, sqlList } from './core-database.js';
import type { Sql } from './core-database.js';
import type { StoredEvent } from './event-store.js';

/**
 * Makes of the data of an event, as it was recorded at `schema_version`, the same one schema version up. Pure: `data`
 * is not changed.
 */
export interface Upcaster {
  readonly type: string;
  readonly schema_version: number;
  /** What the type is called from the next schema version on; absent: the same. */
  readonly renamed_to?: string;
  upcast(data: object): object;
}

/**
 * Events as today's code knows them. What is stored never changes; one of a schema version that nobody knows stays as
 * it is.
 */
export class Upcasts {
  private readonly steps = new Map<string, Upcaster>();

  /** Errors: TypeError when two start from the same type and schema version. */
  constructor(private readonly upcasters: readonly Upcaster[] = []) {
    for (const one of upcasters) {
      if (this.next(one) !== undefined)
        throw new TypeError(`two upcasters of ${one.type} at schema version ${one.schema_version}`);
      this.steps.set(keyOf(one), one);
    }
  }

  apply(event: StoredEvent): StoredEvent {
    let { type, schema_version, data } = event;
    for (let step = this.next(event); step !== undefined; step = this.next({ type, schema_version })) {
      data = step.upcast(data);
      type = step.renamed_to ?? type;
      schema_version++;
    }
    return schema_version === event.schema_version ? event : { ...event, type, schema_version, data };
  }

  /** Holds for the stored events that are read as ones of this type. */
  readAs(type: string): Sql {
    const end = (from: Upcaster): string => {
      let at: Pick<Upcaster, 'type' | 'schema_version'> = from;
      for (let step = this.next(at); step !== undefined; step = this.next(at))
        at = { type: step.renamed_to ?? step.type, schema_version: step.schema_version + 1 };
      return at.type;
    };
    const away = this.upcasters
      .filter((one) => one.type === type && end(one) !== type)
      .map((one) => one.schema_version);
    const own = sql`type = ${type}${away.length === 0 ? sql`` : sql` and schema_version not in (${sqlList(away)})`}`;
    const others = this.upcasters.filter((one) => one.type !== type && end(one) === type);
    if (others.length === 0) return own;
    const either = others.reduce(
      (all, one) => sql`${all} or type = ${one.type} and schema_version = ${one.schema_version}`,
      own,
    );
    return sql`(${either})`;
  }

  private next(of: Pick<Upcaster, 'type' | 'schema_version'>): Upcaster | undefined {
    return this.steps.get(keyOf(of));
  }
}

/** Types hold no spaces (check-append.ts). */
function keyOf({ type, schema_version }: Pick<Upcaster, 'type' | 'schema_version'>): string {
  return `${type} ${schema_version}`;
}
