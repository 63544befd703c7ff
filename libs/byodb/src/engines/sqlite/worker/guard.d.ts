/** Why a statement is not run on a customer's file; null: it may be. */
export function refusal(sql: string): string | null;
