import { createRequire } from 'node:module';

const { default: Sequencer } = createRequire(import.meta.url)('@jest/test-sequencer');

/**
 * The specs that take longest, first: a fresh clone knows no times, and one of these begun last would run alone at the
 * end. A spec that is missing here is only begun later.
 */
const LONGEST = [
  'crash-matrix/crash-matrix.spec.ts',
  'chaos/chaos.spec.ts',
  'apps/api/testing/history.property.spec.ts',
  'apps/api/testing/failures.spec.ts',
  'libs/event-store/src/followers.spec.ts',
  'libs/byodb/src/engines/mysql/conversion.spec.ts',
  'apps/api/testing/crash.spec.ts',
  'libs/byodb/src/engines/postgres/page.spec.ts',
  'apps/api/testing/drift.spec.ts',
  'apps/api/testing/log.spec.ts',
  'libs/event-store/src/subscription.spec.ts',
  'libs/event-store/src/rebuild.spec.ts',
  'apps/api/testing/upgrade.spec.ts',
];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}`));
      return at === -1 ? LONGEST.length : at;
    };
    return [...super.sort(tests)].sort((a, b) => place(a) - place(b));
  }
}
