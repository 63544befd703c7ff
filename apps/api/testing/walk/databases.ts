import { expect } from '@jest/globals';
import {
  differencesIn,
  completeColumn,
  engineOf,
  fingerprint,
  isAside,
  type Column,
  type LiveTable,
  type PortableType,
} from '#byodb';
import type { ColumnBody } from '../arbitraries.js';

export const ENGINE = { crm: 'postgres', erp: 'mysql', shop: 'sqlite' } as const;
export type Url = Record<string, string>;
export type Shown = Record<string, unknown> & {
  name: string;
  version: number;
  exists: boolean;
  columns: Record<string, ColumnBody>;
};

export interface Held {
  live: LiveTable | null;
  rows: string[] | null;
}

/** What one database holds, told so that it can be compared; with `said`, what a shown table says of it. */
export function liveOf(database: string, { live }: Held, said?: Record<string, unknown>): object {
  const engine = engineOf(ENGINE[database as keyof typeof ENGINE]);
  // Without their order: what was taken out of its table comes back last, where the engine knows no other place.
  if (said === undefined)
    return {
      table: live?.name ?? null,
      columns:
        live?.columns
          .map((c) => c.name)
          .filter((c) => !isAside(c))
          .sort() ?? null,
      differs: [],
    };
  const { exists, name: table, columns } = said as Shown;
  if (!exists) return { table: null, columns: null, differs: [] };
  return {
    table,
    columns: Object.keys(columns).sort(),
    differs: differencesIn(engine, { table, columns: Object.values(columns).map(complete) }, live),
  };
}

export function literalOf(type: PortableType, n: number, database: string): string {
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'decimal':
    case 'float':
    case 'double':
      return String(n * 100);
    case 'boolean':
      return database === 'crm' ? String(n % 2 === 0) : String(n % 2);
    case 'string':
    case 'text':
      return `'${n === 3 ? 'x'.repeat(50) : n}'`;
    case 'uuid':
      return `'6f1c1a52-9d6e-4b7c-8d53-0c2f6f0a7b1${n}'`;
    case 'date':
      return `'2031-02-0${n + 1}'`;
    case 'time':
      return `'01:02:0${n}'`;
    case 'timestamp':
      return `'2031-02-03 04:05:0${n}'`;
    case 'json':
      return `'{"n":${n}}'`;
    case 'binary':
      return database === 'crm' ? `'\\x0${n}'` : `x'0${n}'`;
  }
}

function complete(shown: ColumnBody): Column {
  const { column, problems } = completeColumn(shown);
  expect(problems).toEqual([]);
  return column;
}

export function told(live: Record<string, Held>): object {
  return Object.fromEntries(
    Object.entries(live).map(([database, held]) => [
      database,
      { fingerprint: fingerprint(held.live), rows: held.rows },
    ]),
  );
}
