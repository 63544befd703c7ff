import { engineNames } from '../testing/core-databases.js';
import { followersContract } from '../testing/followers-contract.js';

for (const engine of engineNames) followersContract(engine);
