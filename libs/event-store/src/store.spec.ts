import { createMigratedDatabase, engineNames } from '../testing/core-databases.js';
import { eventStoreContract } from '../testing/event-store-contract.js';

for (const engine of engineNames) eventStoreContract(engine, () => createMigratedDatabase(engine));
