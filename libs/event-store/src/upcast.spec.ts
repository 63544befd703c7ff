import { expect, test } from '@jest/globals';
import { engineNames } from '../testing/core-databases.js';
import { upcastContract } from '../testing/upcast-contract.js';
import { Upcasts } from './upcast.js';

for (const engine of engineNames) upcastContract(engine);

test('two upcasters that start from the same place are refused', () => {
  const one = { type: 'a', schema_version: 1, upcast: (data: object) => data };
  expect(() => new Upcasts([one, { ...one, schema_version: 2 }, { ...one, type: 'b' }])).not.toThrow();
  expect(() => new Upcasts([one, one])).toThrow('two upcasters of a at schema version 1');
});
