import { query } from '../../testing/fixtures.js';
import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { fleet } from '../fleet.js';
import type { Place } from '../load/ddl.js';

const BOUNDS = { asked: { atMost: 6 }, moonshot: { atMost: 3 } };
const RAW_AT_ONCE = 16;
type Make = (bench: Bench, count: number) => Promise<Place[]>;

const databases: Make = async (bench, count) => {
  const places: Place[] = [];
  for (let n = 0; n < count; n++) places.push({ url: await bench.database('postgres') });
  return places;
};
const schemas: Make = async (bench, count) => {
  const url = await bench.database('postgres');
  const names = bench.fresh('s', count);
  await query(url, names.map((name) => `create schema ${name}`).join('; '));
  return names.map((schema) => ({ url, schema }));
};
const SIZES: [Target, Make, number][] = [
  [{ label: '10 databases of one PostgreSQL', ...BOUNDS }, databases, 10],
  [{ label: '100 databases of one PostgreSQL', ...BOUNDS }, databases, 100],
  [{ label: '10 schemas of one PostgreSQL', ...BOUNDS }, schemas, 10],
  [{ label: '100 schemas of one PostgreSQL', ...BOUNDS }, schemas, 100],
];

export const manyOnOneServer: Case = {
  number: '15',
  name: 'many-on-one-server',
  what: 'one added column on N databases of one PostgreSQL / the same ALTERs by a raw loop, 16 at once (300: left out)',
  targets: SIZES.map(([target]) => target),
  async run(bench) {
    for (const [target, make, count] of SIZES) {
      await fleet(bench, target, {
        ours: await make(bench, count),
        raw: await make(bench, count),
        rawAtOnce: RAW_AT_ONCE,
      });
      await bench.end();
    }
  },
};
