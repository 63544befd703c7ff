import type { Direction } from './scenarios.js';

/** A place where the worker may die: `before engine apply run 2`; `note` says for readers what it is about. */
export interface Point {
  id: string;
  note: string;
}

/**
 * Names every record and every statement as it comes by, and ends the process at the one that was asked for. A name is
 * made of the place and a running number, so that the next run of the same case meets it again.
 */
export class Points {
  readonly met: Point[] = [];
  private readonly counts = new Map<string, number>();

  /** `killAt`: a point's id, or `#7` for the seventh that is met. */
  constructor(
    private readonly killAt: string | null,
    private readonly die: () => void = dieHard,
  ) {}

  /**
   * `while`: the act is under way and nobody knows how far it got; of use where it happens in another process or
   * thread.
   */
  async around<T>(place: string, note: string, act: () => Promise<T>, apart: boolean): Promise<T> {
    const name = this.name(place);
    this.meet(`before ${name}`, note);
    const acting = act();
    if (apart) this.under(`while ${name}`, note);
    try {
      return await acting;
    } finally {
      this.meet(`after ${name}`, note);
    }
  }

  /** An act whose beginning and end are seen at different places. */
  name(place: string): string {
    const count = (this.counts.get(place) ?? 0) + 1;
    this.counts.set(place, count);
    return `${place} ${count}`;
  }

  meet(id: string, note: string): void {
    this.met.push({ id, note });
    if (this.isIt(id)) this.die();
  }

  under(id: string, note: string): void {
    this.met.push({ id, note });
    if (this.isIt(id)) setImmediate(this.die);
  }

  private isIt(id: string): boolean {
    return id === this.killAt || `#${this.met.length}` === this.killAt;
  }
}

/** No handler, no flush, no goodbye to any server. */
function dieHard(): void {
  process.kill(process.pid, 'SIGKILL');
}

/**
 * The points that a direction is about. Left out: what the way there has in common with the way forward; the second
 * database's statements, which are SQLite's own rows' matter; and an end that lies together with the next beginning
 * on the same database, for one kill stands for both.
 */
export function worthTaking(met: readonly Point[], direction: Direction): Point[] {
  const from = beginning(met, direction);
  const own = met.slice(from).filter(({ id }) => !/ other .*(run|ledger)/.test(id));
  return own.filter((point, i) => {
    if (!point.id.startsWith('after')) return true;
    const next = own.slice(i + 1).find((p) => placeOf(p) === placeOf(point));
    return next === undefined || next !== own[i + 1] || !next.id.startsWith('before');
  });
}

function beginning(met: readonly Point[], direction: Direction): number {
  const failing = met.findIndex((p) => p.id.startsWith('before core append') && p.note.includes('StepFailed'));
  if (direction === 'forward' || failing === -1) return 0;
  if (direction !== 'refused') return direction === 'late' ? failing + 1 : failing;
  // The ledger's row, where there is one before it, belongs to the refused statement.
  const refused = met.findLastIndex((p, i) => i < failing && p.id.startsWith('before engine apply run'));
  const announced = met.findLastIndex(
    (p, i) => i < refused && p.id.startsWith('before engine apply ledger') && p.note === 'intended',
  );
  return announced === -1 ? refused : Math.min(announced, refused);
}

function placeOf({ id }: Point): string {
  return id.split(' ')[1]!;
}

/**
 * A place of the protocol, whichever step or table meets it: without the running number, told apart by what is recorded
 * there.
 */
export function kindOf({ id, note }: Point): string {
  const place = id.replace(/ \d+$/, '');
  if (/ ledger$/.test(place)) return `${place} ${note}`;
  return / core append$/.test(place) ? `${place} ${note.split(' + ')[0]!}` : place;
}
