import { ALL, trigger, type Odd } from './odd.js';

const ACTIONS = ['no action', 'restrict', 'cascade', 'set null'] as const;
const foreignKeys: Odd[] = ACTIONS.flatMap((del) =>
  ACTIONS.map((upd): Odd => ({
    what: `foreign key r -> parent, on delete ${del}, on update ${upd}`,
    engines: ALL,
    on: ['r'],
    only: 'foreign key r',
    clause: (n) => `constraint ${n.t}_r_fk foreign key (r) references ${n.p} (id) on delete ${del} on update ${upd}`,
  })),
);
const children: Odd[] = ACTIONS.map((del): Odd => ({
  what: `foreign key of another table -> id, on delete ${del}`,
  engines: ALL,
  on: ['id'],
  only: 'child',
  isChild: true,
  after: (n) => [
    `alter table ${n.ch} add constraint ${n.ch}_fk foreign key (t_id) references ${n.t} (id) on delete ${del}`,
  ],
}));

export const EVERYWHERE: readonly Odd[] = [
  ...foreignKeys,
  ...children,
  {
    what: 'foreign key c -> id of the same table',
    engines: ALL,
    on: ['c', 'id'],
    clause: (n) => `constraint ${n.t}_c_fk foreign key (c) references ${n.t} (id) on delete set null`,
  },
  { what: 'unique b', engines: ALL, on: ['b'], clause: (n) => `constraint ${n.t}_b_key unique (b)` },
  { what: 'unique a, b', engines: ALL, on: ['a', 'b'], clause: (n) => `constraint ${n.t}_ab_key unique (a, b)` },
  { what: 'index a', engines: ALL, on: ['a'], after: (n) => [`create index ${n.t}_a on ${n.t} (a)`] },
  {
    what: 'index b desc, a',
    engines: ALL,
    on: ['a', 'b'],
    after: (n) => [`create index ${n.t}_ba on ${n.t} (b desc, a)`],
  },
  { what: 'check a', engines: ALL, on: ['a'], clause: (n) => `constraint ${n.t}_a_ok check (a > 0)` },
  {
    what: 'check a, c',
    engines: ALL,
    on: ['a', 'c'],
    clause: (n) => `constraint ${n.t}_ac_ok check (c is null or c < a + 100000)`,
  },
  { what: 'unnamed check c', engines: ALL, on: ['c'], clause: () => 'check (c > 0)' },
  {
    what: 'view over b',
    engines: ALL,
    on: ['b'],
    after: (n) => [`create view ${n.t}_vb as select id, b from ${n.t} where id > 0`],
  },
  {
    what: 'view over a alone',
    engines: ALL,
    on: ['a'],
    after: (n) => [`create view ${n.t}_va as select a + 1 as more from ${n.t}`],
  },
  {
    what: 'trigger: w from b',
    engines: ALL,
    on: ['b', 'w'],
    only: 'trigger w',
    after: (n, e) =>
      trigger(
        `${n.t}_w`,
        e === 'sqlite' ? 'after insert' : 'before insert',
        n.t,
        e === 'sqlite'
          ? `update ${n.t} set w = 'by trigger ' || new.b where id = new.id`
          : e === 'mysql'
            ? `set new.w = concat('by trigger ', new.b)`
            : `new.w := 'by trigger ' || new.b`,
        e,
      ),
  },
  {
    what: 'trigger: a logged',
    engines: ALL,
    on: ['a'],
    after: (n, e) =>
      trigger(`${n.t}_log`, 'after insert', n.t, `insert into ${n.log} (t_id, words) values (new.id, new.a)`, e),
  },
  {
    what: 'trigger: every update logged',
    engines: ALL,
    on: [],
    after: (n, e) =>
      trigger(`${n.t}_upd`, 'after update', n.t, `insert into ${n.log} (t_id, words) values (new.id, 'updated')`, e),
  },
  {
    what: 'trigger: every delete logged',
    engines: ALL,
    on: [],
    after: (n, e) =>
      trigger(`${n.t}_del`, 'after delete', n.t, `insert into ${n.log} (t_id, words) values (old.id, 'deleted')`, e),
  },
  {
    what: 'trigger of update of c',
    engines: ['postgres', 'sqlite'],
    on: ['c'],
    after: (n, e) =>
      trigger(`${n.t}_uc`, 'after update of c', n.t, `insert into ${n.log} (t_id, words) values (new.id, 'c')`, e),
  },
  {
    what: 'trigger when a',
    engines: ['postgres', 'sqlite'],
    on: ['a'],
    after: (n, e) =>
      trigger(
        `${n.t}_wa`,
        'after insert',
        n.t,
        `insert into ${n.log} (t_id, words) values (new.id, 'when')`,
        e,
        'new.a > 1',
      ),
  },
  {
    what: 'trigger of the parent: writes c',
    engines: ALL,
    on: ['c'],
    after: (n, e) => trigger(`${n.p}_c`, 'after insert', n.p, `update ${n.t} set c = 1 where id = new.id`, e),
  },
  { what: 'generated g = a * 2, stored', engines: ALL, on: ['a', 'g'], only: 'g', clause: () => '' },
];
