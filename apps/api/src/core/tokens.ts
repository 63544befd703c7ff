import type { Logger as PinoLogger } from 'pino';

/** What is injected by these names, since it has no class of its own: interfaces, and what a library makes. */
export const CONFIG = Symbol('Config');
export const LOGGER = Symbol('Logger');
/** A `Log`. */
export const LOG = Symbol('Log');
/** A `CoreDatabase`, migrated. */
export const CORE = Symbol('CoreDatabase');
/** An `EventStore`, with its read models in today's shape. */
export const EVENT_STORE = Symbol('EventStore');
/** The `ReadModel`s that follow the log. */
export const BEHIND = Symbol('read models behind the log');
/** A `SagaQueue`. */
export const SAGA_QUEUE = Symbol('SagaQueue');
/** The `Limits` of a change. */
export const LIMITS = Symbol('Limits');

export type Logger = PinoLogger;
/** How the libraries tell of what went wrong. */
export type Log = (message: string, details: Record<string, unknown>) => void;
