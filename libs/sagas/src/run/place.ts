import type { Saga } from '../saga.js';
import type { RunnerPorts } from './ports.js';

/**
 * What a run takes up on its databases. One that is to be ended now, by its deadline or by a person, needs none of
 * them.
 */
export class Place {
  private given: (() => void) | null = null;

  constructor(
    private readonly ports: Pick<RunnerPorts, 'clock' | 'enter'>,
    private readonly saga: Saga,
  ) {}

  /** False: it is woken when there may be one. */
  enter(): boolean {
    const { saga_id, steps, abort, deadline_at } = this.saga;
    if (this.ports.enter === undefined || abort !== null || this.ports.clock.now() >= Date.parse(deadline_at))
      return true;
    this.given ??= this.ports.enter(saga_id, [...new Set(steps.map((step) => step.target.id))]);
    return this.given !== null;
  }

  leave(): void {
    this.given?.();
    this.given = null;
  }
}
