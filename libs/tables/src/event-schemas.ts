import { z } from 'zod';
import { eventSchemas, noData } from '#event-store';
import { COLUMN_TYPES, ENGINE_NAMES, type Json } from '#byodb';
import type { DatabaseEvent } from './databases.js';
import type { TableEvent } from './table.js';

/** What the log holds of tables and databases. For docs and tests: an append is not checked against it. */

const id = z.uuid();
const at = z.iso.datetime({ precision: 3 });
const name = z.string().min(1);
const json = z.json() as unknown as z.ZodType<Json>;

const own = z.strictObject({
  engine: z.enum(ENGINE_NAMES),
  type: z.string().optional(),
  default: z.string().optional(),
});
const shape = {
  type: z.enum([...COLUMN_TYPES, 'native']),
  length: z.int().nullable(),
  precision: z.int().nullable(),
  scale: z.int().nullable(),
};
const DatabaseRef = z.strictObject({ id, name, engine: name });
const Column = z.strictObject({
  name,
  ...shape,
  nullable: z.boolean(),
  default: json,
  primary_key: z.boolean(),
  generated: z.boolean(),
  unique: z.boolean(),
  native: own.optional(),
  key_place: z.int().min(1).optional(),
});
const ColumnSet = z.strictObject({
  type: shape.type.optional(),
  length: shape.length.optional(),
  precision: shape.precision.optional(),
  scale: shape.scale.optional(),
  nullable: z.boolean().optional(),
  default: json.optional(),
  unique: z.boolean().optional(),
});
const ColumnOp = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), column: Column }),
  z.strictObject({ op: z.literal('drop'), name }),
  z.strictObject({
    op: z.literal('alter'),
    name,
    set: ColumnSet,
    undoes: z.array(z.strictObject({ saga_id: id, name })).optional(),
  }),
  z.strictObject({ op: z.literal('rename'), name, to: name, set: ColumnSet.nullable() }),
  z.strictObject({
    op: z.literal('bring_back'),
    column: Column,
    saga_id: id,
    after: name.nullable(),
    mark: z.string(),
    key: z.array(name).optional(),
  }),
  z.strictObject({ op: z.literal('take'), column: Column }),
]);
const ChangeError = z.strictObject({
  code: name,
  message: z.string(),
  database: name.nullable(),
  step_id: id.nullable(),
  details: z.record(z.string(), z.unknown()).optional(),
});

const Variant = z.strictObject({ columns: z.array(Column), beside: z.array(name) });
const Drift = z.strictObject({
  kind: z.enum(['missing', 'added', 'changed']),
  table: name,
  table_id: id.nullable(),
  differences: z.array(z.strictObject({ column: name.nullable(), expected: z.string(), found: z.string() })),
});

/** What stands under a name of its own in documents. */
export const tableEventParts = {
  StoredColumn: Column,
  ColumnSet,
  ColumnOp,
  DatabaseRef,
  ChangeError,
  Variant,
  Drift,
  AnyJson: json,
};

const saga_id = id;
const until = at.nullable();
const ops = z.array(ColumnOp);
const columns = z.array(Column);
const databases = z.array(DatabaseRef);
const as = z.enum(['adopt', 'restore', 'ignore']);
const variant = Variant.nullable();
const lost = z.literal(true);

export const tableEventSchemas = eventSchemas<TableEvent>()({
  TableCreationRequested: {
    version: 1,
    tells: 'A table is to be made on these databases; with `origin`, by a replay of another one.',
    data: z.strictObject({
      saga_id,
      name,
      columns,
      databases,
      origin: z.strictObject({ table_id: id, version: z.int().min(1) }).optional(),
    }),
  },
  TableRenameRequested: {
    version: 1,
    tells: 'The table is to be called otherwise, everywhere.',
    data: z.strictObject({ saga_id, from: name, name }),
  },
  TableDropRequested: {
    version: 1,
    tells: 'The table is to be set aside everywhere.',
    data: z.strictObject({ saga_id }),
  },
  TableRestoreRequested: {
    version: 1,
    tells:
      'The dropped table is to come back under this name; with `keeps_name`, under the one that it has ' +
      'when its turn comes.',
    data: z.strictObject({ saga_id, name, keeps_name: z.literal(true).optional() }),
  },
  TableRevertRequested: {
    version: 1,
    tells: 'Name and columns are to be again what they were after event `to_version`.',
    data: z.strictObject({ saga_id, to_version: z.int().min(1), name, ops }),
  },
  TableDatabasesRequested: {
    version: 1,
    tells:
      'The table is to be built in some databases and set aside in others; with `lost`, let go in ' +
      'databases that are gone for good.',
    data: z.strictObject({
      saga_id,
      add: databases,
      remove: databases,
      lost: lost.optional(),
      reason: z.string().optional(),
    }),
  },
  PurgeRequested: {
    version: 1,
    tells:
      'What these sagas set aside is to be destroyed: its retention time is over, or somebody asked for ' +
      'it, with a `reason`.',
    data: z.strictObject({ saga_id, of: z.array(id), reason: z.string().optional() }),
  },
  ColumnsChangeRequested: {
    version: 1,
    tells: 'Columns are to be added, altered, renamed or dropped, in this order.',
    data: z.strictObject({
      saga_id,
      kind: z.enum(['column.add', 'column.drop', 'column.alter', 'column.rename', 'columns.change']),
      ops,
    }),
  },
  TableAdoptionRequested: {
    version: 1,
    tells: 'A table that others made is to come under management as it stands.',
    data: z.strictObject({ saga_id, name, columns, databases }),
  },
  DriftResolutionRequested: {
    version: 1,
    tells: 'What was found to differ in `database` is to become history, to go back, or to be let be.',
    data: z.strictObject({ saga_id, database: DatabaseRef, as, found: columns.nullable(), changes: ops, variant }),
  },
  CatchUpRequested: {
    version: 1,
    tells: 'What history has done to the table and `database` has not seen is to be done there.',
    data: z.strictObject({ saga_id, database: DatabaseRef }),
  },
  TableCreated: { version: 1, tells: 'The table stands on all of its databases.', data: z.strictObject({ saga_id }) },
  TableRenamed: {
    version: 1,
    tells: 'The table has its new name everywhere.',
    data: z.strictObject({ saga_id, name }),
  },
  TableDropped: {
    version: 1,
    tells: 'The table is set aside everywhere, and kept until `reversible_until`.',
    data: z.strictObject({ saga_id, reversible_until: until }),
  },
  TableRestored: {
    version: 1,
    tells: 'The table is back on all of its databases, with its rows.',
    data: z.strictObject({ saga_id, name }),
  },
  TableDatabasesChanged: {
    version: 1,
    tells:
      'The table lives in these databases now; where it was removed it is kept until `reversible_until`, ' +
      'unless the database is `lost`; `back`: where it came back with its rows.',
    data: z.strictObject({
      saga_id,
      databases,
      removed: databases,
      reversible_until: until,
      lost: lost.optional(),
      back: databases.optional(),
    }),
  },
  Purged: {
    version: 1,
    tells: 'What these sagas set aside is destroyed everywhere.',
    data: z.strictObject({ saga_id, of: z.array(id) }),
  },
  TableReverted: {
    version: 1,
    tells:
      'The table has its former name and columns again, everywhere, but for the `variants` (by database ' +
      'id) where a column was made anew and stands last.',
    data: z.strictObject({
      saga_id,
      name,
      columns,
      reversible_until: until,
      variants: z.record(z.uuid(), Variant).optional(),
    }),
  },
  ColumnsChanged: {
    version: 1,
    tells: 'The table has these columns on all of its databases.',
    data: z.strictObject({ saga_id, columns, reversible_until: until.optional() }),
  },
  TableAdopted: {
    version: 1,
    tells: 'The table is managed from here on; nothing of it was touched.',
    data: z.strictObject({ saga_id }),
  },
  DriftResolved: {
    version: 1,
    tells: 'The table is this everywhere, but for the `variant` that `database` keeps.',
    data: z.strictObject({ saga_id, database: DatabaseRef, as, columns, databases, variant, reversible_until: until }),
  },
  CaughtUp: {
    version: 1,
    tells: 'The table is in `database` what history says.',
    data: z.strictObject({ saga_id, database: DatabaseRef }),
  },
  ChangeRejected: {
    version: 1,
    tells: 'A change ended without having touched anything.',
    data: z.strictObject({ saga_id, kind: name, error: ChangeError }),
  },
  ChangeCompensated: {
    version: 1,
    tells: 'A change failed in one database and was undone in all of them.',
    data: z.strictObject({ saga_id, kind: name, error: ChangeError }),
  },
});

export const databaseEventSchemas = eventSchemas<DatabaseEvent>()({
  DatabaseRegistered: {
    version: 1,
    tells: "A customer's database is known under this name; its address is in no event.",
    data: z.strictObject({
      name,
      engine: z.enum(['postgres', 'mysql', 'sqlite']),
      taken_over: z.strictObject({ core_id: name, reason: z.string() }).optional(),
    }),
  },
  DatabaseAddressChanged: {
    version: 1,
    tells: 'The database is reached at another address, or with other credentials, from here on.',
    data: noData,
  },
  DriftDetected: {
    version: 1,
    tells: 'A check found tables that are not what history says; `digest` tells this drift from another.',
    data: z.strictObject({ digest: z.string(), drift: z.array(Drift) }),
  },
  DriftEnded: { version: 1, tells: 'A check found the drift of before gone.', data: noData },
  DatabaseRemoved: {
    version: 1,
    tells: 'The database is forgotten, its credentials too; with `lost`, though tables lived there.',
    data: z.strictObject({ reason: z.string().optional(), lost: lost.optional() }),
  },
});
