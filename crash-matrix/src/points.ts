/** A place where the worker may die: `before engine apply run 2`; `note` says for readers what it is about. */
export interface Point { id: string; note: string }

/**
 * Names every record and every statement as it comes by, and ends the process at the one that was asked for. A name is
 * made of the place and a running number, so that the next run of the same case meets it again.
 */
export class Points {
  readonly met: Point[] = [];
  private readonly counts = new Map<string, number>();

  constructor(private readonly killAt: string | null, private readonly die: () => void = dieHard) {}

  /** `while`: the act is under way and nobody knows how far it got; of use where it happens in another process or thread. */
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
    if (id === this.killAt) this.die();
  }

  under(id: string, note: string): void {
    this.met.push({ id, note });
    if (id === this.killAt) setImmediate(this.die);
  }
}

/** No handler, no flush, no goodbye to any server. */
function dieHard(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Without the running number: a place of the protocol, whichever step meets it. */
export function kindOf(point: Point): string {
  return point.id.startsWith('before core') || point.id.startsWith('after core') ? `${point.id.replace(/ \d+$/, '')} ${point.note}` : `${point.id.replace(/ \d+$/, '')}${/ledger/.test(point.id) ? ` ${point.note}` : ''}`;
}
