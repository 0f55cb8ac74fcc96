/** The D1 database, typed by the schema. */
import { drizzle } from 'drizzle-orm/d1';
import * as schema from './schema.ts';

export function openDatabase(binding: D1Database) {
  return drizzle(binding, { schema });
}

export type Database = ReturnType<typeof openDatabase>;

/** Whether a write failed because a row with that unique value exists (`column` as `table.column`). */
export function isUniqueViolation(error: unknown, column: string): boolean {
  return messages(error).some((text) => text.includes('UNIQUE constraint failed') && text.includes(column));
}

/** Whether a write failed because a row that it refers to is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return messages(error).some((text) => text.includes('FOREIGN KEY constraint failed'));
}

/** Whether a write failed because a precondition, written as a value that is NULL when it does not hold, did not hold. */
export function isPreconditionFailure(error: unknown, column: string): boolean {
  return messages(error).some((text) => text.includes(`NOT NULL constraint failed: ${column}`));
}

function messages(error: unknown): string[] {
  const texts: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) texts.push(e.message);
  return texts;
}
