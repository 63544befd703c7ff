import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { playForward } from '#tables';
import { parameters, patience } from './arbitraries.js';
import { allEvents } from './lived.js';
import { threeEngines, type Scene } from './scene.js';
import type { Service } from './service.js';
import { tableView } from '../src/tables/view.js';
import { ON, plant, Walk, type Tally } from './walk/walk.js';
import { liveOf } from './walk/databases.js';
import { moves } from './walk/moves.js';

let scene: Scene<(typeof ON)[number]>;
let s: Service;

beforeAll(async () => {
  scene = await threeEngines(ON);
  ({ s } = scene);
  await plant(scene.urls.crm);
});
afterAll(() => scene.close(), patience());

/** Cuts a list into parts of these sizes, again and again. */
function parts<T>(all: T[], sizes: number[]): T[][] {
  const cut: T[][] = [];
  for (let at = 0, i = 0; at < all.length; i++) {
    const size = sizes[i % sizes.length]!;
    cut.push(all.slice(at, at + size));
    at += size;
  }
  return cut;
}

test(
  'whatever is asked of a table: what is replayed, what was recorded and what stands in its databases are one, ' +
    'at every version',
  async () => {
    const seen: Tally = { completed: 0, compensated: 0, rejected: 0, refused: 0, reverted: 0, notReverted: 0 };
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        moves,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        async (plan, sizes) => {
          const walk = new Walk(s, scene.urls, `walk_${n++}`, seen);
          if (!(await walk.begin(plan.columns))) return;
          for (const move of plan.moves) await walk.go(move);
          const { timeline } = (await s.call('POST', '/table/replay', { table_id: walk.tableId })).body as {
            timeline: { version: number; table: Record<string, unknown> }[];
          };
          expect(timeline.map(({ version }) => version)).toEqual(timeline.map((_, i) => i + 1));
          // Replayed = recorded, at every version, also those at which a change was only asked for.
          for (const { version, table } of timeline)
            expect((await s.call('GET', `/tables/${walk.tableId}?version=${version}`)).body['table']).toEqual(table);
          // = what was shown at that time, and what the databases held then.
          for (const { version, shown, live } of walk.recorded) {
            const { table } = timeline[version - 1]!;
            expect(table).toEqual(shown);
            for (const [database, held] of Object.entries(live))
              expect({ version, database, ...liveOf(database, held) }).toEqual({
                version,
                database,
                ...liveOf(database, held, table),
              });
          }
          const events = await allEvents(s, `&stream=table-${walk.tableId}`);
          const whole = playForward(walk.tableId, events);
          expect(whole.map(({ table }) => tableView(table))).toEqual(timeline.map(({ table }) => table));
          expect(
            parts(events, sizes).reduce<typeof whole>(
              (moments, batch) => [...moments, ...playForward(walk.tableId, batch, moments.at(-1) ?? null)],
              [],
            ),
          ).toEqual(whole);
          await walk.end();
        },
      ),
      parameters(11),
    );
    // Of other seeds nobody knows beforehand what they bring about.
    if (process.env['PROPERTY_SEED'] === undefined)
      for (const [what, times] of Object.entries(seen)) expect([what, times > 0]).toEqual([what, true]);
    console.info(`moves: ${JSON.stringify(seen)}`);
  },
  patience(),
);
