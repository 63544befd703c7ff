import { coreDatabaseContract } from '../../testing/core-database-contract.js';
import { createDatabase, engineNames } from '../../testing/core-databases.js';

for (const engine of engineNames) coreDatabaseContract(engine, () => createDatabase(engine));
