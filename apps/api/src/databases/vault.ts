import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type CoreDatabase, type Tx } from '#event-store';
import type { Address } from '#byodb';

const SETTLE_MS = 100;
export function keyFileOf(dataDir: string): string {
  return join(dataDir, 'credentials.key');
}

/**
 * Credentials at rest: AES-256-GCM, a fresh 12-byte nonce each, the database's id as additional data so that rows
 * cannot be swapped.
 */
export class Vault {
  private constructor(
    private readonly key: Buffer,
    private readonly keyId: string,
  ) {}

  static of(hexKey: string): Vault {
    const key = Buffer.from(hexKey, 'hex');
    return new Vault(key, createHash('sha256').update('schemasaga key id').update(key).digest('hex').slice(0, 16));
  }

  /**
   * From CREDENTIALS_KEY, else from the 0600 key file in the data folder, made at first start. Errors: WrongKey, Error.
   */
  static async open(hexKey: string | undefined, dataDir: string, core: CoreDatabase): Promise<Vault> {
    const vault = hexKey !== undefined ? Vault.of(hexKey) : await Vault.fromFile(dataDir, core);
    await vault.check(core);
    return vault;
  }

  private static async fromFile(dataDir: string, core: CoreDatabase): Promise<Vault> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const file = keyFileOf(dataDir);
    const found = await readKey(file);
    if (found !== null) return Vault.of(found);
    // A new key would open none of what stands there: the lost one has to be put back, and nothing may stand in its
    // place.
    if ((await core.query(sql`select 1 as found from credentials limit 1`)).length > 0) throw new WrongKey();
    await makeKey(file);
    // Another first start may have put its own there at the same moment: both read the one that stays.
    await sleep(SETTLE_MS);
    return Vault.of((await readKey(file))!);
  }

  seal(id: string, address: Address): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(id));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(address), 'utf8'), cipher.final()]);
    return [
      this.keyId,
      nonce.toString('base64'),
      sealed.toString('base64'),
      cipher.getAuthTag().toString('base64'),
    ].join('.');
  }

  unseal(id: string, text: string): Address {
    const [keyId, nonce, sealed, tag] = text.split('.') as [string, string, string, string];
    if (keyId !== this.keyId) throw new WrongKey();
    const decipher = createDecipheriv('aes-256-gcm', this.key, Buffer.from(nonce, 'base64'))
      .setAAD(Buffer.from(id))
      .setAuthTag(Buffer.from(tag, 'base64'));
    return JSON.parse(
      Buffer.concat([decipher.update(Buffer.from(sealed, 'base64')), decipher.final()]).toString('utf8'),
    ) as Address;
  }

  /** Throws WrongKey when what stands in the core database was sealed with another key. */
  async check(core: CoreDatabase): Promise<void> {
    const rows = await core.query(sql`select database_id, sealed from credentials`);
    for (const row of rows) this.unseal(String(row['database_id']), String(row['sealed']));
  }

  async store(tx: Tx, id: string, address: Address): Promise<void> {
    await tx.upsert('credentials', ['database_id'], { database_id: id, sealed: this.seal(id, address) });
  }
}

/**
 * Null: there is none, or an empty one, as an earlier version left it when it was killed between making and writing it.
 */
async function readKey(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text.trim() === '') return null;
  if (!/^[0-9a-f]{64}$/i.test(text.trim())) throw new Error(`${file} does not hold a key of 64 hex digits`);
  return text.trim();
}

/** Written whole beside its place, and put there in one step: of two first starts one makes the key, both use it. */
async function makeKey(file: string): Promise<void> {
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(randomBytes(32).toString('hex'));
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    if ((await stat(file).catch(() => null))?.size === 0) await rm(file);
    // Unlike a rename it fails where one is already.
    await link(beside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(beside);
  }
}

export class WrongKey extends Error {
  constructor() {
    super(
      'the credentials in the core database were encrypted with another key: set CREDENTIALS_KEY (or put ' +
        'back the key file) that they were made with',
    );
  }
}
