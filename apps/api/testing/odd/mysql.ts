import { MY, type Odd } from './odd.js';

export const MYSQL: readonly Odd[] = [
  { what: 'prefix index', engines: MY, on: ['b'], after: (n) => [`create index ${n.t}_pre on ${n.t} (b(10))`] },
  {
    what: 'index with a comment',
    engines: MY,
    on: ['a'],
    after: (n) => [`create index ${n.t}_com on ${n.t} (a) using btree comment 'it''s theirs'`],
  },
  { what: 'full text', engines: MY, on: ['b'], after: (n) => [`create fulltext index ${n.t}_ft on ${n.t} (b)`] },
  { what: 'ignored index', engines: MY, on: ['c'], after: (n) => [`create index ${n.t}_ign on ${n.t} (c) ignored`] },
  {
    what: 'comments',
    engines: MY,
    on: ['w'],
    after: (n) => [`alter table ${n.t} modify w varchar(50) comment 'it''s theirs', comment = 'the \\\\ table'`],
  },
  { what: 'virtual column with an index', engines: MY, on: ['b', 'g'], only: 'g', clause: () => '' },
  {
    what: 'event',
    engines: MY,
    on: ['c'],
    after: (n) => [
      `create event ${n.t}_ev on schedule every 1 year starts '2099-01-01' do update ${n.t} set c = 1 where id = 0`,
    ],
  },
  {
    what: 'system versioning',
    engines: MY,
    on: [],
    only: 'system versioning',
    after: (n) => [`alter table ${n.t} add system versioning`],
  },
];
