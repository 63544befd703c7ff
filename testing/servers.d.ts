/** One real server that a test may stop, kill and start again without harm to other tests. */
export interface Server {
  /** As superuser. */
  readonly url: string;
  readonly port: number;
  /** 0 while it is down, and in a container. */
  readonly pid: number;
  /** Ends it in good order; the data stay. */
  stop(): Promise<void>;
  /** SIGKILL; what was committed stays. */
  kill(): Promise<void>;
  /** Up again (after a stop if it runs), on the same port and data; resolves when it answers. */
  restart(): Promise<void>;
  /** The end of it and its data; happens by itself when the process ends. */
  remove(): Promise<void>;
}

/** `args`: further ones of the server's own, which win over the tests' own; `files`: those that they name. */
export interface More {
  args?: string[];
  files?: string[];
}

export function startPostgres(more?: More): Promise<Server>;
export function startMariadb(more?: More): Promise<Server>;
export function startRedis(more?: More): Promise<Server>;

export function startServers(): Promise<void>;
export function stopServers(): Promise<void>;
export function freePort(): Promise<number>;
