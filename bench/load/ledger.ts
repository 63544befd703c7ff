import pg from 'pg';
import type { Sample } from '../measure.js';
import { byClients } from './clients.js';

/** As in libs/byodb/src/engines/postgres/ledger.ts. */
const TABLES = `
create table _saga_ledger (
  step_id text not null, direction text not null, state text not null,
  fingerprint_before text not null, fingerprint_after text,
  statements text not null, recorded_at timestamp(3) with time zone not null,
  primary key (step_id, direction)
);
create table _saga_fences (table_id text primary key, token bigint not null);
create table _saga_identity (
  only_row boolean primary key default true check (only_row), id text not null, core_id text, claimed_at text
);
insert into _saga_identity (id, core_id, claimed_at) values ('a', 'b', 'c')`;

/** What registering a database cannot do without: one connection, one transaction. */
export async function ledger({ urls }: { urls: string[] }): Promise<Sample> {
  return byClients(1, urls, async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(TABLES);
    } finally {
      await client.end();
    }
  });
}
