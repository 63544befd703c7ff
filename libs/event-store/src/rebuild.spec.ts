import { engineNames } from '../testing/core-databases.js';
import { rebuildContract } from '../testing/rebuild-contract.js';

for (const engine of engineNames) rebuildContract(engine);
