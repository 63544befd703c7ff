/** Somebody else appended to the stream first. The only error that a command handler may answer by deciding again. */
export class VersionConflict extends Error {
  readonly code = 'version_conflict';
  constructor(
    readonly stream: string,
    readonly expected: number,
    readonly actual: number | null,
  ) {
    super(`stream ${stream} is at version ${actual ?? 'unknown'}, not ${expected}`);
  }
}

/**
 * A unique key of the core database was taken; `target` is the driver's own word for which one (a key's or a table's
 * name).
 */
export class UniqueViolation extends Error {
  readonly code = 'unique_violation';
  constructor(
    readonly target: string,
    options?: ErrorOptions,
  ) {
    super(`already there: ${target}`, options);
  }
}

/** The core database cannot be reached, or went away. Whether a commit under way happened is not known. */
export class CoreUnavailable extends Error {
  readonly code = 'core_database_unavailable';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * The core schema and this code do not fit: a newer schema than the code knows, or a released migration that was
 * edited.
 */
export class MigrationRefused extends Error {
  readonly code: 'migration_refused' | 'newer_core' = 'migration_refused';
}

/** A newer version of the service has written to the core database what this one would misread. */
export class NewerCore extends MigrationRefused {
  override readonly code = 'newer_core';
  constructor(why: string) {
    super(
      `the core database belongs to a newer version of schemasaga: ${why}. Start the newer version again; ` +
        `to go back, put back the copies of the core database and of the customers' databases that were made ` +
        'before it',
    );
  }
}
