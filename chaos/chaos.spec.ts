import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';

const SEED = process.env['CHAOS_SEED'] ?? '11';

function chaos(...options: string[]): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', 'chaos', '--', '--seed', SEED, ...options], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        out += text.toString();
      });
    child.once('exit', (code) => {
      resolve({ code, out });
    });
  });
}

const count = (out: string, what: string): number => Number(new RegExp(`\\| ${what} +\\| +(\\d+) `).exec(out)?.[1]);

test.each([
  ['two API and three worker processes on BullMQ', ['--seconds', '15', '--kills', '12']],
  ['the embedded default', ['--mode', 'embedded', '--seconds', '14', '--kills', '6']],
])(
  'killed, cut, wiped and restarted, nothing is lost: %s',
  async (_what, options) => {
    const { code, out } = await chaos(...options);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('| inconsistencies  |        0 |') });
    expect(count(out, 'kills')).toBeGreaterThanOrEqual(3);
    expect(count(out, 'completed')).toBeGreaterThanOrEqual(5);
  },
  300_000,
);
