import type { Connection as Driver } from 'mysql2/promise';

export interface RawDriver {
  promise(): Driver;
  destroy(): void;
  __knex__disposed?: unknown;
  stream: { destroy(error: Error): void };
}

/**
 * Strict, or bad casts are cut silently; named whole, so that a literal has one reading on every server. What a
 * server's own
 * defaults may have changed and our statements depend on; a worker that stalled loses its session, and its locks, after
 * a minute.
 * A zero date stays allowed: an owner's table may have one as a default, and would take no change else.
 * System versioning keeps its history under a change. MariaDB alone reads the parts that begin with M, MySQL alone the
 * last (MariaDB passes over what asks for 5.7 or later): an ALTER takes as long as it takes, and as the server sees
 * fit.
 */
const SETTINGS = [
  // Some servers pass over what the handshake asks for: names and defaults would be read in their own character set.
  `set names utf8mb4 collate utf8mb4_general_ci,
  session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', time_zone = '+00:00',
  autocommit = 1, completion_type = 0, foreign_key_checks = 1, unique_checks = 1, sql_quote_show_create = 1,
  sql_safe_updates = 0, sql_big_selects = 1, sql_auto_is_null = 0, sql_select_limit = default, wait_timeout = 60
  /*M!100100 , max_statement_time = 0 */
  /*M!100300 , system_versioning_alter_history = KEEP */
  /*M!100307 , alter_algorithm = 'DEFAULT' */
  /*!50708 , max_execution_time = 0 */`,
  // As a variable it has another name on each of the two.
  'set session transaction read write',
];

export async function settle(raw: RawDriver): Promise<void> {
  for (const setting of SETTINGS) await raw.promise().query(setting);
}
