/** How often a server is asked whether it still answers while a statement of ours is under way, milliseconds. */
const WATCH_MS = 10_000;
const AGAIN_MS = 1_000;
/** So many times in a row without an answer, and it is taken for gone. */
const MOST_SILENCES = 2;
/** A refusal is an answer; what takes so long is none. */
const SILENT_MS = 4_000;

/**
 * A statement may take hours, and a server that is gone without a word (a network that swallows everything, a machine
 * that
 * hangs) looks the same from here. So while one is under way the server is asked on a connection of its own.
 */
export class Liveness {
  private asking: Promise<boolean> | null = null;

  /** `connect` opens a new connection and closes it; it must end by itself when there is no answer. */
  constructor(
    private readonly connect: () => Promise<void>,
    private readonly watchMs = WATCH_MS,
  ) {}

  /** Calls `end`, which must make the work fail, when the server does not answer any more. */
  async watch<T>(work: () => Promise<T>, end: () => void): Promise<T> {
    let [silences, isOver] = [0, false];
    let timer: NodeJS.Timeout | undefined;
    const look = async (): Promise<void> => {
      silences = (await this.answers()) ? 0 : silences + 1;
      if (isOver) return;
      if (silences === MOST_SILENCES) end();
      else
        timer = setTimeout(
          () => {
            void look();
          },
          silences > 0 ? AGAIN_MS : this.watchMs,
        ).unref();
    };
    timer = setTimeout(() => {
      void look();
    }, this.watchMs).unref();
    try {
      return await work();
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  /** Once for all that wait at the same time. */
  private answers(): Promise<boolean> {
    const began = performance.now();
    return (this.asking ??= this.connect()
      .then(
        () => true,
        () => performance.now() - began < SILENT_MS,
      )
      .finally(() => {
        this.asking = null;
      }));
  }
}
