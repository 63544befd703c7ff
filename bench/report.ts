import type { Case } from './case.js';
import { median, meets, type Bound, type Line, type Summary } from './measure.js';

export function listCases(cases: readonly Case[]): string {
  return cases
    .flatMap((one) => [
      `${one.number.padEnd(4)} ${one.name}: ${one.what}`,
      ...('notYet' in one ? [`       not yet: ${one.notYet}`] : []),
      ...one.targets.map(
        ({ label, unit = '×', asked, moonshot }) =>
          `       ${label}: asked ${tellBound(asked, unit)}, moonshot ${tellBound(moonshot, unit)}`,
      ),
    ])
    .join('\n');
}

const HEAD = ['#', 'what', 'median', 'min … max', 'asked', 'moonshot', 'met', 'service', 'denominator', 'errors'];

/** As Markdown, since docs/performance.md holds such tables. */
export function table(lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const middle = median(line.values);
    const met = meets(middle, line.moonshot) ? 'moonshot' : meets(middle, line.asked) ? 'yes' : '**no**';
    return [
      line.number,
      line.label,
      `${tell(middle)} ${line.unit}`,
      `${tell(Math.min(...line.values))} … ${tell(Math.max(...line.values))}`,
      tellBound(line.asked, ''),
      tellBound(line.moonshot, ''),
      line.errors.length > 0 ? `${met}?` : met,
      tellSummary(line.service),
      tellSummary(line.base),
      String(line.errors.length),
    ];
  });
  const widths = HEAD.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const render = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [render(HEAD), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(render)].join('\n');
}

export function tellLine(line: Line): string {
  return `  ${line.label}: ${tell(median(line.values))} ${line.unit} [${line.values.map(tell).join(', ')}]`;
}

function tellSummary(summary: Summary | null): string {
  if (summary === null) return '';
  const { p50, p99, perSecond } = summary;
  return `p50 ${tell(p50)} ms, p99 ${tell(p99)} ms, ${tell(perSecond)} /s`;
}

function tellBound(bound: Bound, unit: string): string {
  const text = 'atMost' in bound ? `≤ ${bound.atMost}` : `≥ ${bound.atLeast}`;
  return unit === '' ? text : `${text} ${unit}`;
}

/** Three digits that count. */
export function tell(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
