import { LITE, type Odd } from './odd.js';

export const SQLITE: readonly Odd[] = [
  {
    what: 'full text search',
    engines: LITE,
    on: ['b', 'id'],
    after: (n) => [`create virtual table ${n.t}_fts using fts5(b, content='${n.t}', content_rowid='id')`],
  },
  {
    what: 'view with instead of',
    engines: LITE,
    on: ['a'],
    after: (n) => [
      `create view ${n.t}_vi as select id, a from ${n.t}`,
      `create trigger ${n.t}_ii instead of insert on ${n.t}_vi begin insert into ${n.t} (id, a) values ` +
        '(new.id, new.a); end',
    ],
  },
  {
    what: 'index collate nocase',
    engines: LITE,
    on: ['b'],
    after: (n) => [`create index ${n.t}_nc on ${n.t} (b collate nocase)`],
  },
  {
    what: 'check and comments in the text',
    engines: LITE,
    on: ['a'],
    clause: (n) => `/* a, b */ constraint "${n.t} odd" check (a is not 'x, (y' -- no\n and a <> -1)`,
  },
];
