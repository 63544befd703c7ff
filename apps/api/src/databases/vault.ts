import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, type CoreDatabase, type Tx } from '../../../../libs/event-store/src/index.js';
import type { Address } from '../../../../libs/byodb/src/index.js';

export function keyFileOf(dataDir: string): string {
  return join(dataDir, 'credentials.key');
}

/** Credentials at rest: AES-256-GCM, a fresh 12-byte nonce each, the database's id as additional data so that rows cannot be swapped. */
export class Vault {
  private constructor(private readonly key: Buffer, private readonly keyId: string) {}

  static of(hexKey: string): Vault {
    const key = Buffer.from(hexKey, 'hex');
    return new Vault(key, createHash('sha256').update('schemasaga key id').update(key).digest('hex').slice(0, 16));
  }

  /** From CREDENTIALS_KEY, else from the 0600 key file in the data folder, made at first start. */
  static async open(hexKey: string | undefined, dataDir: string): Promise<Vault> {
    if (hexKey !== undefined) return Vault.of(hexKey);
    await mkdir(dataDir, { recursive: true });
    const file = keyFileOf(dataDir);
    try {
      // 'wx': of two first starts one makes the key, the other reads it.
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(randomBytes(32).toString('hex'));
      await handle.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    for (let attempt = 0; ; attempt++) {
      const text = (await readFile(file, 'utf8')).trim();
      if (/^[0-9a-f]{64}$/i.test(text)) return Vault.of(text);
      if (attempt === 20) throw new Error(`${file} does not hold a key of 64 hex digits`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  seal(id: string, address: Address): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(id));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(address), 'utf8'), cipher.final()]);
    return [this.keyId, nonce.toString('base64'), sealed.toString('base64'), cipher.getAuthTag().toString('base64')].join('.');
  }

  unseal(id: string, text: string): Address {
    const [keyId, nonce, sealed, tag] = text.split('.') as [string, string, string, string];
    if (keyId !== this.keyId) throw new WrongKey();
    const decipher = createDecipheriv('aes-256-gcm', this.key, Buffer.from(nonce, 'base64')).setAAD(Buffer.from(id)).setAuthTag(Buffer.from(tag, 'base64'));
    return JSON.parse(Buffer.concat([decipher.update(Buffer.from(sealed, 'base64')), decipher.final()]).toString('utf8')) as Address;
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

export class WrongKey extends Error {
  constructor() { super('the credentials in the core database were encrypted with another key: set CREDENTIALS_KEY (or put back the key file) that they were made with'); }
}
