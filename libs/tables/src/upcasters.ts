import type { Upcaster } from '#event-store';

/**
 * Every released schema version of an event that is not today's has its way up here: of tables, databases and sagas.
 */
export const upcasters: readonly Upcaster[] = [];
