import { engineNames } from '../testing/core-databases.js';
import { feedContract } from '../testing/feed-contract.js';

for (const engine of engineNames) feedContract(engine);
