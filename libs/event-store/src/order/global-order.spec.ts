import { engineNames } from '../../testing/core-databases.js';
import { globalOrderContract } from '../../testing/global-order-contract.js';

for (const engine of engineNames) globalOrderContract(engine);
