import fc from 'fast-check';
import { EVERYWHERE } from './everywhere.js';
import { MYSQL } from './mysql.js';
import type { EngineName, Odd, OwnType } from './odd.js';
import { OWN_TYPES } from './own-types.js';
import { POSTGRES } from './postgres.js';
import { SQLITE } from './sqlite.js';

/** In this order always: a seed must draw the same case again. */
export const ODDS: readonly Odd[] = [...EVERYWHERE, ...POSTGRES, ...MYSQL, ...SQLITE];

export type KeyShape = 'id' | 'id, a' | 'none';

export interface Scenario {
  engine: EngineName;
  key: KeyShape;
  odds: readonly Odd[];
  own: OwnType | null;
  kind: string;
}

/** What `odds` says may stand together: at most one of a group, and nothing that the engine refuses by itself. */
export function together(
  engine: EngineName,
  key: KeyShape,
  kind: string,
  odds: readonly Odd[],
  own: OwnType | null,
): Odd[] {
  const taken = new Set<string>();
  return odds
    .filter((o) => {
      if (!o.engines.includes(engine)) return false;
      if (o.only !== undefined && taken.has(o.only)) return false;
      // A key of several columns cannot be referred to by one of them.
      if (
        key !== 'id' &&
        (o.only === 'child' || (o.on.includes('id') && o.on.includes('c')) || o.what === 'full text search')
      )
        return false;
      if (kind === 'without rowid' && o.what === 'full text search') return false;
      // InnoDB has no spatial key on a versioned table, and no such history of a generated column's index.
      if (
        o.what === 'system versioning' &&
        (own?.what === 'point with a spatial key' ||
          odds.some((other) => other.on.includes('g') || other.what === 'full text'))
      )
        return false;
      if (o.only !== undefined) taken.add(o.only);
      return true;
    })
    .filter((o, i, all) => all.findIndex((other) => other.what === o.what) === i);
}

/** Any table of the engine with up to `most` odd things around it. */
export function scenarios(engine: EngineName, most: number): fc.Arbitrary<Scenario> {
  const here = ODDS.filter((o) => o.engines.includes(engine));
  // Sixteen foreign keys would crowd out the rest.
  const groups = [...new Set(here.map((o) => o.only ?? o.what))].map((group) =>
    here.filter((o) => (o.only ?? o.what) === group),
  );
  const odd = fc.constantFrom(...groups).chain((group) => fc.constantFrom(...group));
  const own = fc.option(fc.constantFrom(...OWN_TYPES.filter((o) => o.engine === engine)), { nil: null });
  const kind = engine === 'sqlite' ? fc.constantFrom('', '', '', 'without rowid', 'strict') : fc.constant('');
  return fc
    .record({
      key: fc.constantFrom<KeyShape>('id', 'id', 'id', 'id, a', 'none'),
      kind,
      odds: fc.array(odd, { maxLength: most }),
      own,
    })
    .map(({ key, kind: wanted, odds, own: type }): Scenario => {
      const plain = key === 'none' && wanted === 'without rowid' ? '' : wanted;
      const x = plain === 'strict' ? null : type;
      return { engine, key, kind: plain, own: x, odds: together(engine, key, plain, odds, x) };
    });
}

export function tell(scenario: Scenario): string {
  const { engine, key, kind, odds, own } = scenario;
  return (
    `${engine}${kind === '' ? '' : ` ${kind}`}, key ${key}${own === null ? '' : `, x ${own.what}`}: ` +
    `${odds.map((o) => o.what).join('; ') || 'nothing odd'}`
  );
}
