import type { Saga, SagaDefinition } from '#sagas';
import { databaseChangeSaga } from './database-change-saga.js';
import { tableChangeSaga, type ChangePorts } from './table-change-saga.js';

/** Every saga there is: one table's on all of its databases, or one database's with several tables. */
export function changeSagas(ports: ChangePorts): SagaDefinition {
  const [table, database] = [tableChangeSaga(ports), databaseChangeSaga(ports)];
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
