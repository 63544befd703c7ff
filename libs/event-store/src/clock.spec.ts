import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createMigratedDatabase, engineNames, type TestDatabase } from '../testing/core-databases.js';
import { CoreClock } from './clock.js';
import type { CoreDatabase } from './core-database.js';

const DAY_MS = 86_400_000;
const NEAR_MS = 500;
const real = Date.now;
let told: string[];
const tell = (level: string, message: string): void => {
  told.push(`${level}: ${message}`);
};
const shift = (ms: number): void => {
  Date.now = () => real() + ms;
};
const near = (time: number, expected: number): void => {
  expect(Math.abs(time - expected)).toBeLessThan(NEAR_MS);
};

beforeEach(() => {
  told = [];
});
afterEach(() => {
  Date.now = real;
});

for (const engine of engineNames) {
  describe(`on ${engine}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
      core = await database.open();
    });
    afterAll(() => database.drop());

    test('the time is carried on, whatever is done to the clock of the process', async () => {
      const clock = await CoreClock.open(core, tell);
      near(clock.now(), real());
      shift(8 * DAY_MS);
      near(clock.now(), real());
      near(await clock.earliest(), real());
      shift(-8 * DAY_MS);
      near(clock.now(), real());
      near(await clock.latest(), real());
      expect(told).toEqual([]);
    });

    test(
      engine === 'sqlite'
        ? "a jump of the machine's clock is told once, and makes nothing be over"
        : 'a clock that is off is told once, and when it is right again',
      async () => {
        const clock = await CoreClock.open(core, tell);
        shift(4000);
        await clock.measure();
        expect([clock.isOff(), told]).toEqual([false, []]);
        shift(8 * DAY_MS);
        await clock.measure();
        await clock.measure();
        if (engine === 'sqlite') {
          expect([clock.isOff(), told]).toEqual([false, [expect.stringMatching(/^error: a clock jumped/)]]);
          near(await clock.earliest(), real());
          near(await clock.latest(), real() + 8 * DAY_MS);
          shift(-DAY_MS);
          near(await clock.earliest(), real() - DAY_MS);
          near(await clock.latest(), real());
          return;
        }
        expect([clock.isOff(), told]).toEqual([
          true,
          [expect.stringMatching(/^error: the clock of this process is off .* takes no work/)],
        ]);
        near(clock.offBy(), 8 * DAY_MS);
        near(clock.now(), real());
        shift(0);
        await clock.measure();
        expect([clock.isOff(), told.slice(1)]).toEqual([false, [expect.stringMatching(/^warn: .* right again/)]]);
      },
    );

    if (engine !== 'sqlite')
      test('one that is off from the beginning is told at once', async () => {
        shift(-3_600_000);
        const clock = await CoreClock.open(core, tell);
        expect([clock.isOff(), told.length]).toEqual([true, 1]);
        near(clock.now(), real());
      });
  });
}
