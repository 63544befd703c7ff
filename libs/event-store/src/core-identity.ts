import { v7 as uuid } from 'uuid';
import { sql, type CoreDatabase } from './core-database.js';
import { UniqueViolation } from './errors.js';

/** The id of this core database, made by whichever process asks first and never changed. */
export async function coreIdentity(core: CoreDatabase): Promise<string> {
  const read = async (): Promise<string | undefined> =>
    (await core.query(sql`select core_id from core_identity`))[0]?.['core_id'] as string | undefined;
  const known = await read();
  if (known !== undefined) return known;
  const made = uuid();
  try {
    await core.execute(
      sql`insert into core_identity (only_row, core_id, made_at) values (1, ${made}, ${new Date().toISOString()})`,
    );
    return made;
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    return (await read())!;
  }
}
