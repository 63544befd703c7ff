import { createMigratedDatabase, engineNames } from '../testing/core-databases.js';
import { subscriptionContract } from '../testing/subscription-contract.js';

for (const engine of engineNames) subscriptionContract(engine, () => createMigratedDatabase(engine));
