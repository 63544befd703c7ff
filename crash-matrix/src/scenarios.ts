import { completeColumn, type Column, type ColumnChange, type EngineName, type IndexChange } from '#byodb';

/** The database of the engine under test, and the second one of the change (SQLite). */
export const ROLES = ['engine', 'other'] as const;
export type Role = (typeof ROLES)[number];

/**
 * `compensate`: the other database refuses its last statement when this one has been changed; `late`: it has refused
 * while
 * this one's last statement is still to come; `refused`: this one refuses its own last statement.
 */
export const DIRECTIONS = ['forward', 'compensate', 'late', 'refused'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const ENGINES: readonly EngineName[] = ['postgres', 'mysql', 'sqlite'];

export type Ask =
  | { do: 'create'; name: string; columns: Column[] }
  | { do: 'rename'; name: string }
  | { do: 'drop' }
  | { do: 'restore' }
  | { do: 'purge' }
  | { do: 'revert'; version: number }
  | { do: 'adopt'; name: string }
  | { do: 'resolve'; as: 'adopt' | 'restore' }
  | { do: 'catch_up' }
  | { do: 'move'; away: boolean }
  | { do: 'columns'; columns: ColumnChange[] }
  | { do: 'indexes'; indexes: IndexChange[] };

type Input = Parameters<typeof completeColumn>[0];
const column = (input: Input): Column => completeColumn(input).column;

export const TABLE = 'things';

export const GIVEN_COLUMNS: Column[] = [
  column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
  column({ name: 'name', type: 'string', length: 50, nullable: false }),
  column({ name: 'code', type: 'string', length: 20, nullable: false, unique: true }),
  column({ name: 'price', type: 'string', length: 40 }),
  column({ name: 'amount', type: 'integer', default: 5 }),
  column({ name: 'note', type: 'text' }),
  column({ name: 'ref', type: 'string', length: 40 }),
  column({ name: 'seen', type: 'string', length: 40 }),
  column({ name: 'body', type: 'text' }),
];

/**
 * What customers put beside it. The spellings of ref, seen and body come back from a uuid, a time and json only if they
 * were kept.
 */
export const GIVEN_STATEMENTS = [
  `insert into ${TABLE} (name, code, price, amount, note, ref, seen, body) values
    ('anna', 'a', '1.50', 1, 'first', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2024-05-06 07:08:09',
      '{"b": 1,   "a": [true]}'),
    ('bert', 'b', '2.00', 2, null, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', '2024-05-06 07:08:09.500', '{}'),
    ('carl', 'c', null, 3, 'it''s third', null, null, null)`,
  `create index ${TABLE}_by_name on ${TABLE} (name)`,
  `create index ${TABLE}_by_price on ${TABLE} (price, amount)`,
];

/**
 * What customers put around it: a foreign key from it and one to it, triggers, a check, a view, a unique index.
 * `amount` refers to `owners`,
 * `parts` refer to `id`; whoever sets the one aside must leave the others alone. Beside a database of its own engine,
 * in each way that it knows.
 */
export const AROUND: Record<EngineName, readonly string[]> = {
  postgres: [
    ...neighbours(),
    `alter table ${TABLE} add constraint ${TABLE}_owner foreign key (amount) references owners (id) on ` +
      'delete cascade on update cascade',
    `alter table ${TABLE} add constraint ${TABLE}_priced check (price <> '')`,
    `create unique index ${TABLE}_seen_once on ${TABLE} (seen) where seen is not null and seen <> ` +
      `'2024-05-06 07:08:09'`,
    `create function ${TABLE}_told() returns trigger language plpgsql as $$ begin insert into told ` +
      '(words) values (tg_op); return null; end $$',
    `create trigger ${TABLE}_told after insert or update or delete on ${TABLE} for each row execute ` +
      `function ${TABLE}_told()`,
    `create policy ${TABLE}_all on ${TABLE} using (true)`,
    `comment on column ${TABLE}.amount is 'it''s theirs'`,
  ],
  mysql: [
    ...neighbours(),
    `alter table ${TABLE} add constraint ${TABLE}_owner foreign key (amount) references owners (id) on ` +
      'delete cascade on update cascade',
    `alter table ${TABLE} add constraint ${TABLE}_priced check (price <> '')`,
    `create unique index ${TABLE}_note_once on ${TABLE} (note(20), id)`,
    `create trigger ${TABLE}_told after update on ${TABLE} for each row insert into told (words) values ('update')`,
    `create trigger ${TABLE}_gone after delete on ${TABLE} for each row insert into told (words) values ('delete')`,
  ],
  sqlite: [
    ...neighbours(),
    `create unique index ${TABLE}_seen_once on ${TABLE} (seen) where seen is not null and seen <> ` +
      `'2024-05-06 07:08:09'`,
    `create trigger ${TABLE}_told after update on ${TABLE} begin insert into told (words) values ('update'); end`,
    `create trigger ${TABLE}_gone after delete on ${TABLE} begin insert into told (words) values ('delete'); end`,
  ],
};
/** On SQLite a foreign key and a check stand in the table's own text. */
export const AROUND_CLAUSES =
  `, constraint ${TABLE}_owner foreign key (amount) references owners (id) on delete cascade on update ` +
  `cascade, constraint ${TABLE}_priced check (price <> '')`;

/** Tables beside it, and one that refers to it: a table that is dropped must have none such. */
function neighbours(): string[] {
  return [
    'create table owners (id integer not null primary key, words varchar(20))',
    `insert into owners values (1, 'one'), (2, 'two'), (3, 'three'), (5, 'five')`,
    'create table told (words varchar(20))',
  ];
}
const REFERRED: readonly string[] = [
  'create table parts (id integer not null primary key, thing integer, constraint parts_thing foreign ' +
    `key (thing) references ${TABLE} (id) on delete cascade)`,
  'insert into parts values (1, 1), (2, 2)',
  `create view ${TABLE}_seen as select id, name from ${TABLE}`,
];

/**
 * `given`: what was done to the table before; `byHand`: and by others, in the engine's database alone. What destroys,
 * and what a
 * database catches up with, has only a way forward: it is tried until it is done. An adoption makes no statement that
 * could be refused.
 */
export interface Operation {
  given: readonly Ask[];
  byHand?: readonly string[];
  ask: Ask;
  directions: readonly Direction[];
  /** What stands behind AROUND, which then is there before all else. */
  around?: readonly string[];
}

const change = (ask: Ask): Operation => ({ given: [], ask, directions: DIRECTIONS });
const columns = (...list: ColumnChange[]): Operation => change({ do: 'columns', columns: list });
const indexes = (...list: IndexChange[]): Operation => change({ do: 'indexes', indexes: list });
const around = (ask: Ask, given: readonly Ask[] = [], more: readonly string[] = REFERRED): Operation => ({
  given,
  ask,
  around: more,
  directions: DIRECTIONS,
});
const PRICE: ColumnChange = { name: 'price', type: 'decimal', precision: 10, scale: 2 };
const BY_HAND = [
  `alter table ${TABLE} add column extra varchar(20) default 'x'`,
  `update ${TABLE} set extra = name where id < 3`,
];
const TAG: ColumnChange = { name: 'tag', type: 'string', length: 30, unique: true };

const BY_CODE: IndexChange = { name: 'by_code', columns: ['code', { name: 'amount', order: 'desc' }] };
const ONE_NAME: IndexChange = { name: 'one_name', columns: ['name'], unique: true };
const afterIndexes = (ask: Ask, more: Partial<Operation> = {}): Operation => ({
  given: [{ do: 'indexes', indexes: [BY_CODE, ONE_NAME] }],
  ask,
  directions: DIRECTIONS,
  ...more,
});

/** Every kind of change there is, each against a table with rows. */
export const OPERATIONS = {
  create_table: change({
    do: 'create',
    name: 'fresh',
    columns: [
      column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
      column({ name: 'label', type: 'string', nullable: false, unique: true }),
      column({ name: 'at', type: 'timestamp', default: { function: 'now' } }),
    ],
  }),
  drop_table: change({ do: 'drop' }),
  restore_table: { given: [{ do: 'drop' }], ask: { do: 'restore' }, directions: DIRECTIONS },
  purge_table: { given: [{ do: 'drop' }], ask: { do: 'purge' }, directions: ['forward'] },
  rename_table: change({ do: 'rename', name: 'objects' }),
  add_column: columns({ name: 'rank', type: 'integer', nullable: false, default: 7 }),
  add_unique: columns(TAG),
  drop_column: columns({ name: 'code' }),
  rename_column: columns({ name: 'name', rename_to: 'title' }),
  alter_type: columns(PRICE),
  alter_spelling: columns(
    { name: 'ref', type: 'uuid' },
    { name: 'body', type: 'json' },
    { name: 'seen', type: 'timestamp' },
  ),
  alter_rules: columns({ name: 'amount', nullable: false, default: 9, unique: true }),
  alter_free: columns({ name: 'code', nullable: true, unique: false }),
  several: columns(TAG, PRICE, { name: 'code' }, { name: 'name', rename_to: 'title', length: 80 }),
  create_indexes: indexes(BY_CODE, ONE_NAME),
  drop_indexes: afterIndexes({ do: 'indexes', indexes: [{ name: 'by_code' }, { name: 'one_name' }] }),
  rename_indexes: afterIndexes({ do: 'indexes', indexes: [{ name: 'one_name', rename_to: 'sole_name' }] }),
  replace_indexes: afterIndexes({ do: 'indexes', indexes: [{ name: 'one_name', columns: ['name', 'code'] }] }),
  revert_indexes: {
    given: [
      { do: 'indexes', indexes: [BY_CODE, ONE_NAME] },
      { do: 'indexes', indexes: [{ name: 'one_name' }, { name: 'by_code', columns: ['amount'] }] },
      { do: 'columns', columns: [{ name: 'code' }] },
    ],
    ask: { do: 'revert', version: 4 },
    directions: DIRECTIONS,
  },
  bring_back: {
    given: [{ do: 'columns', columns: [PRICE, { name: 'code' }] }],
    ask: { do: 'revert', version: 2 },
    directions: DIRECTIONS,
  },
  adopt_table: {
    given: [],
    byHand: [
      `create table found (id integer primary key, label varchar(20) not null)`,
      `insert into found values (1, 'one')`,
    ],
    ask: { do: 'adopt', name: 'found' },
    directions: ['forward'],
  },
  adopt_drift: {
    given: [],
    byHand: BY_HAND,
    ask: { do: 'resolve', as: 'adopt' },
    directions: ['forward', 'compensate', 'late'],
  },
  restore_drift: {
    given: [],
    byHand: BY_HAND,
    ask: { do: 'resolve', as: 'restore' },
    directions: ['forward', 'refused'],
  },
  /** The engine's database is as it was before all of it. */
  catch_up: {
    given: [
      { do: 'columns', columns: [TAG, PRICE, { name: 'code' }, { name: 'name', rename_to: 'title', length: 80 }] },
      { do: 'purge' },
      { do: 'rename', name: 'objects' },
      { do: 'columns', columns: [{ name: 'note' }] },
    ],
    ask: { do: 'catch_up' },
    directions: ['forward'],
  },
  around_drop_column: around({ do: 'columns', columns: [{ name: 'amount' }] }),
  around_bring_back: around({ do: 'revert', version: 2 }, [
    { do: 'columns', columns: [{ name: 'amount' }, { name: 'code' }] },
  ]),
  around_drop_table: around({ do: 'drop' }, [], []),
  around_restore_table: around({ do: 'restore' }, [{ do: 'drop' }], []),
  around_alter: around({
    do: 'columns',
    columns: [
      { name: 'note', type: 'string', length: 60 },
      { name: 'body', type: 'json' },
    ],
  }),
  around_rename: around({ do: 'columns', columns: [{ name: 'ref', rename_to: 'reference' }] }),
  /** A move concerns the one database alone. */
  move_away: { ...around({ do: 'move', away: true }, [], []), directions: ['forward', 'refused'] },
  move_back: {
    ...around({ do: 'move', away: false }, [{ do: 'move', away: true }], []),
    directions: ['forward', 'refused'],
  },
  purge_columns: {
    given: [{ do: 'columns', columns: [PRICE, { name: 'code' }] }],
    ask: { do: 'purge' },
    directions: ['forward'],
  },
} as const satisfies Record<string, Operation>;
export type OperationName = keyof typeof OPERATIONS;
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
