import { v7 as uuid } from 'uuid';
import { onlyRow, sql, type CoreDatabase, type Row } from './core-database.js';
import { UniqueViolation } from './errors.js';

/** The id of this core database, made by whichever process asks first and never changed. */
export async function coreIdentity(core: CoreDatabase): Promise<string> {
  const read = (): Promise<Row[]> => core.query(sql`select core_id from core_identity`);
  const [known] = await read();
  if (known !== undefined) return String(known['core_id']);
  const made = uuid();
  try {
    await core.execute(
      sql`insert into core_identity (only_row, core_id, made_at) values (1, ${made}, ${new Date().toISOString()})`,
    );
    return made;
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    return String(onlyRow(await read())['core_id']);
  }
}
