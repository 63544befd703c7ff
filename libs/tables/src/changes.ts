import type { Saga, SagaDefinition } from '#sagas';
import { databaseChange } from './database-change.js';
import { schemaChange, type ChangePorts } from './schema-change.js';

/** Every saga there is: one table's on all of its databases, or one database's with several tables. */
export function changes(ports: ChangePorts): SagaDefinition {
  const [table, database] = [schemaChange(ports), databaseChange(ports)];
  const of = (saga: Saga): SagaDefinition => (saga.kind.startsWith('database.') ? database : table);
  return {
    judge: (saga) => of(saga).judge(saga),
    prepare: (saga, step) => of(saga).prepare(saga, step),
    apply: (saga, step, token) => of(saga).apply(saga, step, token),
    compensate: (saga, step, token) => of(saga).compensate(saga, step, token),
    finalize: (saga, step, token) => of(saga).finalize(saga, step, token),
    look: (saga, step, claim) => of(saga).look(saga, step, claim),
    ending: (saga, end, error, at) => of(saga).ending(saga, end, error, at),
  };
}
