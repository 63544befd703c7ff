import { type Direction } from './scenarios.js';
import type { Result } from './matrix.js';

export interface Line {
  engine: string;
  operation: string;
  direction: Direction;
  points: number;
  old: number;
  new: number;
  stuck: number;
  wrong: number;
  missed: number;
}

/** Pure. One line per engine, operation and direction, in the order in which they first come, and a total. */
export function summarise(results: readonly Result[]): Line[] {
  const lines = new Map<string, Line>();
  for (const result of results) {
    const key = `${result.engine} ${result.operation} ${result.direction}`;
    const line = lines.get(key) ?? {
      engine: result.engine,
      operation: result.operation,
      direction: result.direction,
      points: 0,
      old: 0,
      new: 0,
      stuck: 0,
      wrong: 0,
      missed: 0,
    };
    line.points++;
    // One that stood still first is counted there, wherever it went when it was told to go on.
    line[result.end === 'wrong' ? 'wrong' : result.wasStuck ? 'stuck' : result.end]++;
    if (result.missed) line.missed++;
    lines.set(key, line);
  }
  return [...lines.values()];
}

const COLUMNS = ['engine', 'operation', 'direction', 'points', 'old', 'new', 'stuck', 'wrong', 'missed'] as const;

export function table(lines: readonly Line[]): string {
  const total = COLUMNS.map((c, i) =>
    i === 0 ? 'all' : i < 3 ? '' : String(lines.reduce((sum, line) => sum + Number(line[c]), 0)),
  );
  const rows = [[...COLUMNS], ...lines.map((line) => COLUMNS.map((c) => String(line[c]))), total];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const text = rows.map(
    (row) => `| ${row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`,
  );
  const rule = `|${widths.map((width, i) => (i < 3 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text[0]!, rule, ...text.slice(1)].join('\n');
}

/** How to meet a wrong end again, and what was wrong. */
export function describe(result: Result): string {
  const { engine, operation, direction, point, saga, problems, successors, log } = result;
  const at = `${point === null ? '' : ` --point "${point.id}"`}${successors.map((n) => ` --after ${n}`).join('')}`;
  return [
    `${engine} ${operation} ${direction}: ${point === null ? 'without any kill' : `${point.id} (${point.note})`}`,
    `  the saga: ${saga}`,
    ...problems.map((p) => `  ${p}`),
    ...log.slice(0, 5).map((l) => `  log: ${l}`),
    `  again: npm run crash-matrix -- --engine ${engine} --operation ${operation} --direction ${direction}${at}`,
  ].join('\n');
}
