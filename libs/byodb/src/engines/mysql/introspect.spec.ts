import { expect, test } from '@jest/globals';
import { freshMysql } from '../../../../../testing/fixtures.js';
import { parseUrl } from '../../address.js';
import { differencesIn } from '../../expectation.js';
import { fingerprint } from '../../live.js';
import { completeColumn, type ColumnInput } from '../../schema/column-input.js';
import { COLUMN_TYPES } from '../../schema/column-types.js';
import { mysql } from './index.js';

const inputs: ColumnInput[] = [
  { name: 'id', type: 'integer', primary_key: true, generated: true },
  ...COLUMN_TYPES.map((type) => ({ name: `a_${type}`, type })),
  { name: 'd1', type: 'string', default: `'); drop table x; -- \\ ? "` },
  { name: 'd2', type: 'timestamp', default: { function: 'now' } },
  { name: 'd3', type: 'decimal', default: '1.5' },
  { name: 'd4', type: 'json', default: { a: [1, `it's`] } },
  { name: 'd5', type: 'boolean', default: true, nullable: false },
  { name: 'd6', type: 'timestamp', default: '2024-01-01T00:00:00Z' },
  { name: 'd7', type: 'uuid', default: { function: 'uuid' } },
  { name: 'd8', type: 'text', default: 'a\nb' },
  { name: 'd9', type: 'time', default: '10:20:30' },
  { name: 'd10', type: 'date', default: { function: 'now' } },
  // What a literal's print would lose: more than six digits, more than three bytes a character.
  { name: 'e1', type: 'float', default: 148.1837 },
  { name: 'e2', type: 'float', default: -3.4028234663852886e38 },
  { name: 'e3', type: 'string', default: `\u{1F600} it's \\` },
  { name: 'e4', type: 'text', default: '\u{1F600}' },
  { name: 'd11', type: 'bigint', default: '5', unique: true },
];

test('every type and default comes back as asked, and setting aside and bringing back gives the same fingerprint', async () => {
  const db = await freshMysql();
  const connection = mysql.open(parseUrl(db.url));
  try {
    const columns = inputs.map((input) => completeColumn(input).column);
    await connection.claim('id');
    await connection.exclusively({ tableId: 't', token: 1, lockTimeoutMs: 1000 }, async (session) => {
      for (const statement of mysql.ddl.createTable('t', columns, 'owner', (c) => `uq_${c}`).statements)
        await session.run(statement);
      const live = (await session.introspect('t'))!;
      expect(differencesIn(mysql, { table: 't', columns }, live)).toEqual([]);
      for (const { name } of columns) {
        const aside = mysql.ddl.setAsideColumn(live, name, '_saga_x');
        for (const statement of aside.statements) await session.run(statement);
        const now = (await session.introspect('t'))!;
        expect(now.columns.map((c) => c.name)).toEqual(aside.live!.columns.map((c) => c.name));
        await session.run('insert into t () values ()');
        await session.run('delete from t');
        for (const statement of mysql.ddl.bringBackColumn(now, '_saga_x', live, name).statements)
          await session.run(statement);
        expect([name, fingerprint(await session.introspect('t'))]).toEqual([name, fingerprint(live)]);
      }
    });
  } finally {
    await connection.close();
    await db.drop();
  }
});
