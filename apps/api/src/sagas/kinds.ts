import type { Change } from '#tables';
import { every } from '../core/answer-parts.js';

export const KINDS = every<Change['kind']>()([
  'table.create',
  'table.replay',
  'table.rename',
  'table.drop',
  'table.databases',
  'table.restore',
  'table.revert',
  'table.purge',
  'database.adopt',
  'database.catch_up',
  'drift.resolve',
  'column.add',
  'column.drop',
  'column.alter',
  'column.rename',
  'columns.change',
  'index.create',
  'index.drop',
  'index.rename',
  'indexes.change',
]);
