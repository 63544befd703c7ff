import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * A fenced bash block of a page. A comment above it may say why a test cannot run it, or what error it is there to
 * show.
 */
export interface Block {
  text: string;
  line: number;
  notRun: string | null;
  answers: string | null;
  output: string | null;
}

export async function pages(): Promise<string[]> {
  const docs = await readdir(join(ROOT, 'docs'), { recursive: true, withFileTypes: true });
  return [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...docs
      .filter((e) => e.isFile() && e.name.endsWith('.md'))
      .map((e) => relative(ROOT, join(e.parentPath, e.name)))
      .sort(),
  ];
}

export async function read(page: string): Promise<string> {
  return readFile(join(ROOT, page), 'utf8');
}

/** `output`: what the text block right behind it says is printed. */
export function blocks(markdown: string): Block[] {
  return [
    ...markdown.matchAll(/(?:<!-- (not run|answers):? ([^]*?) -->\n)?```bash\n([^]*?)```(?:\n\n```text\n([^]*?)```)?/g),
  ].map((m) => ({
    text: m[3]!,
    line: markdown.slice(0, m.index).split('\n').length,
    notRun: m[1] === 'not run' ? m[2]! : null,
    answers: m[1] === 'answers' ? m[2]! : null,
    output: m[4] ?? null,
  }));
}

/** Runs the blocks one after another in one bash, as a reader would in one terminal, and gives what each printed. */
export async function runBlocks(texts: string[], environment: Record<string, string>, before = ''): Promise<string[]> {
  const mark = '#### end of block';
  const script = [before, ...texts.map((text) => `${text}\nprintf '\\n${mark}\\n'`)].join('\n');
  const out = await new Promise<string>((resolve, reject) => {
    execFile(
      'bash',
      ['-euo', 'pipefail', '-c', script],
      { cwd: ROOT, env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
      },
    );
  });
  return out.split(`\n${mark}\n`).slice(0, texts.length);
}
