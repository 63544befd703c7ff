import { engineNames } from '../testing/core-databases.js';
import { trustContract } from '../testing/trust-contract.js';

for (const engine of engineNames) trustContract(engine);
