import { fileURLToPath } from 'node:url';
import { migrate, openCoreDatabase } from '#event-store';
import { goldenContract } from '../../event-store/testing/golden.js';
import { freshSqlite } from '../../../testing/fixtures.js';
import { databasesProjection, loadDatabase } from './databases/read-model.js';
import { tableEventSchemas } from './changes/index.js';
import { databaseEventSchemas } from './databases/events.js';
import { playForward } from './history/point.js';
import { upcasters } from './upcasters.js';

const id = '00000000-0000-7000-8000-000000000000';

goldenContract(
  fileURLToPath(new URL('../testing/golden', import.meta.url)),
  [
    {
      name: 'table',
      schemas: tableEventSchemas,
      fold: (events) => playForward(id, events).map(({ table, lineage }) => ({ table, lineage })),
    },
    {
      name: 'database',
      schemas: databaseEventSchemas,
      // There is no state but the read model's own row.
      async fold(events) {
        const fresh = await freshSqlite();
        const core = await openCoreDatabase(fresh.url);
        try {
          await migrate(core);
          const states: object[] = [];
          for (const event of events) {
            await core.transaction((tx) => databasesProjection.apply(tx, [event]));
            states.push({ database: await loadDatabase(core, event.stream.slice('database-'.length)) });
          }
          return states;
        } finally {
          await core.close();
          await fresh.drop();
        }
      },
    },
  ],
  upcasters,
);
