import { fileURLToPath } from 'node:url';
import { goldenContract } from '../../event-store/testing/golden.js';
import { sagaEventSchemas } from './event-schemas.js';
import { evolve } from './evolve.js';
import type { Saga } from './saga.js';
import { recorded } from './saga-stream.js';

goldenContract(fileURLToPath(new URL('../testing/golden', import.meta.url)), [
  {
    name: 'saga',
    schemas: sagaEventSchemas,
    fold(events) {
      let saga: Saga | null = null;
      return events.map((event) => (saga = evolve(saga, recorded(event))));
    },
  },
]);
