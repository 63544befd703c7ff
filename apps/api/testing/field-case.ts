import { expect } from '@jest/globals';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

/** A case on each engine, for one spec file. */
export interface FieldCases {
  pg: FieldCase;
  maria: FieldCase;
  lite: FieldCase;
  stop(): Promise<void>;
}

export async function onEachEngine(): Promise<FieldCases> {
  const opened: { fresh: Fresh; s: Service }[] = [];
  const open = async (fresh: Fresh): Promise<FieldCase> => {
    const { field, s } = await FieldCase.start(fresh);
    opened.push({ fresh, s });
    return field;
  };
  return {
    pg: await open(await freshPostgres()),
    maria: await open(await freshMysql()),
    lite: await open(await freshSqlite()),
    async stop() {
      for (const { fresh, s } of opened) {
        await s.stop();
        await fresh.drop();
      }
    },
  };
}

/** One database with what its owner made, under management: what the cases from the field are told with. */
export class FieldCase {
  private constructor(
    private readonly s: Service,
    readonly database: string,
    readonly url: string,
  ) {}

  /** `as`: the address that it is registered by, where that is not its owner's. */
  static async start(
    fresh: Fresh,
    environment: Record<string, string> = {},
    as = fresh.url,
  ): Promise<{ field: FieldCase; s: Service }> {
    const s = await service(environment);
    expect((await s.call('POST', '/databases', { name: 'field', url: as })).status).toBe(201);
    return { field: new FieldCase(s, 'field', fresh.url), s };
  }

  /** By its owner. */
  async sql(...statements: string[]): Promise<object[]> {
    let rows: object[] = [];
    for (const statement of statements) rows = await query(this.url, statement);
    return rows;
  }

  async adopt(...tables: string[]): Promise<string[]> {
    const answer = await this.s.call('POST', `/databases/${this.database}/adopt`, { tables }, WAIT);
    expect([answer.status, answer.body['detail']]).toEqual([200, undefined]);
    return Promise.all(
      tables.map(async (name) => {
        const { body } = await this.s.call('GET', `/tables?name=${encodeURIComponent(name)}`);
        return String(body['tables'][0].table_id);
      }),
    );
  }

  call(path: string, body: object): Promise<Reply> {
    return this.s.call('POST', path, body, WAIT);
  }

  column(table_id: string, column: object): Promise<Reply> {
    return this.call('/table/column', { table_id, column });
  }

  async done(reply: Promise<Reply>): Promise<Reply['body']> {
    const { status, body } = await reply;
    expect([status, body['code'], body['detail']]).toEqual([200, undefined, undefined]);
    return body;
  }

  /** Refused before anything was touched, in the customer's own words. */
  async rejected(reply: Promise<Reply>, code: string, message: RegExp): Promise<void> {
    const { body } = await reply;
    const error = body['saga']?.error ?? { code: body['code'], message: body['detail'] };
    expect([body['code'], error.code, error.message]).toEqual([
      expect.stringMatching(/^(saga_rejected|unsupported_change)$/),
      code,
      expect.stringMatching(message),
    ]);
    expect(error.message).not.toContain('_saga_');
  }

  get(path: string): Promise<Reply> {
    return this.s.call('GET', path);
  }
}
