import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readConfig } from '../src/config.js';
import { blocks, pages, read, ROOT, runBlocks } from './commands.js';

const all = await Promise.all((await pages()).map(async (page) => ({ page, text: await read(page) })));

test('the pages are found', () => {
  expect(all.map((p) => p.page)).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/types.md', 'docs/adr/0001-the-queue-only-wakes.md']),
  );
});

// The README's own commands go through a service: readme.spec.ts.
describe.each(all.filter(({ page, text }) => page !== 'README.md' && blocks(text).some((b) => b.notRun === null)))(
  '$page',
  ({ text }) => {
    test('its commands work', async () => {
      const run = blocks(text).filter((b) => b.notRun === null);
      const printed = await runBlocks(
        run.map((b) => b.text),
        {},
      );
      run.forEach(({ line, output }, i) => {
        if (output !== null) expect([line, printed[i]]).toEqual([line, output]);
      });
      expect(printed.length).toBe(run.length);
    }, 120_000);
  },
);

test('a command that is not run says why, and names a script that there is', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  let seen = 0;
  for (const { page, text } of all) {
    // A fence of another name would be a command that no test sees.
    expect([page, text.match(/```(sh|shell|console|zsh)\b/)]).toEqual([page, null]);
    for (const { line, notRun, text: commands } of blocks(text)) {
      if (notRun !== null) expect([page, line, notRun.length > 10]).toEqual([page, line, true]);
      for (const [, script] of commands.matchAll(/\bnpm (?:run )?(?!ci\b)([a-z0-9:-]+)/g)) {
        seen++;
        expect([page, line, script, scripts[script!] !== undefined]).toEqual([page, line, script, true]);
      }
    }
  }
  expect(seen).toBeGreaterThan(5);
});

test('links lead somewhere, and files that are named are there', () => {
  const missing: string[] = [];
  let seen = 0;
  for (const { page, text } of all) {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((m) => join(dirname(page), m[1]!));
    const files = [
      ...text.matchAll(/`((?:apps|libs|docs|testing|migrations)\/[^`\s<>*]*)`/g),
      ...text.matchAll(/`((?:README|ARCHITECTURE|CONTRIBUTING|CHANGELOG)\.md|\.env\.example)`/g),
    ].map((m) => m[1]!);
    for (const path of [...links, ...files]) {
      seen++;
      if (!existsSync(join(ROOT, path))) missing.push(`${page}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
  expect(seen).toBeGreaterThan(20);
});

test('the README lists every variable, with its default', async () => {
  const [config, readme] = [await readFile(join(ROOT, 'apps/api/src/config.ts'), 'utf8'), await read('README.md')];
  const known = [...config.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((m) => m[1]!);
  const listed = [...readme.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) \| (.*?) \|/gm)].flatMap(([, names, defaults]) => {
    const values = names!.includes(',') ? defaults!.split(', ') : [defaults!];
    return names!.split(', ').map((name, i) => ({ name: name.replaceAll('`', ''), shown: values[i]! }));
  });
  expect(listed.map((l) => l.name).sort()).toEqual([...known].sort());
  expect(known.length).toBeGreaterThan(10);
  const defaults = readConfig({}) as unknown as Record<string, unknown>;
  for (const { name, shown } of listed) {
    // Those that are made of others are told in words.
    const exact = /^`([^`]*)`$/.exec(shown)?.[1];
    if (exact !== undefined) expect([name, exact]).toEqual([name, String(defaults[name])]);
    else if (shown === 'none') expect([name, String(defaults[name])]).toEqual([name, '']);
    else expect([name, shown.length > 0, /_URL$|_KEY$/.test(name)]).toEqual([name, true, true]);
  }
});
