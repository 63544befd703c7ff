import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { service } from './service.js';

test('the commands of the README work as printed', async () => {
  const s = await service();
  try {
    const readme = await readFile(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8');
    const blocks = [...readme.matchAll(/```bash\n([^]*?)```/g)].map((m) => m[1]!).filter((b) => b.includes('curl'));
    expect(blocks.length).toBeGreaterThan(3);
    const script = blocks.join('\necho\n').replaceAll('http://127.0.0.1:3000', s.app.url).replaceAll('/tmp/schemasaga-shop.db', join(s.dir, 'shop.db')).replaceAll('curl -s', 'curl -sS --fail-with-body');
    const { stdout } = await promisify(execFile)('bash', ['-ec', script]);
    expect(stdout).toContain('"status":"dropped"');
    expect(stdout).not.toContain('"code":"');
  } finally {
    await s.stop();
  }
});
