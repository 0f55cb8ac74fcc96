/** What an alias was: the list of its moves, and its state at an instant. Both outlive the alias. */
import { type Alias, type AliasHistoryQuery, type AliasRevision, LeptonError, type Page } from '@lepton-edge/protocol';
import { and, desc, eq, gte, lt, lte } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { aliases, aliasHistory } from '../../db/schema.ts';
import { findModel } from '../models/find.ts';
import { pageFrom, readNumberCursor } from '../page.ts';
import { aliasNotFound, toAlias, toRevision } from './wire.ts';

/** Newest first. @throws LeptonError `model_not_found`, or `alias_not_found` where there never was one */
export async function listAliasHistory(
  ctx: ServiceContext,
  modelName: string,
  alias: string,
  { limit, cursor, actor, since, until }: z.output<typeof AliasHistoryQuery>,
): Promise<Page<AliasRevision>> {
  const model = await findModel(ctx, modelName);
  const { db } = ctx.gateway;
  const before = readNumberCursor(cursor);
  const history = and(eq(aliasHistory.modelId, model.id), eq(aliasHistory.alias, alias));
  const filter = and(
    history,
    before === undefined ? undefined : lt(aliasHistory.revision, before),
    actor === undefined ? undefined : eq(aliasHistory.createdBy, actor),
    since === undefined ? undefined : gte(aliasHistory.createdAt, Date.parse(since)),
    until === undefined ? undefined : lt(aliasHistory.createdAt, Date.parse(until)),
  );
  const [rows, any] = await db.batch([
    db
      .select()
      .from(aliasHistory)
      .where(filter)
      .orderBy(desc(aliasHistory.revision))
      .limit(limit + 1),
    db.select({ revision: aliasHistory.revision }).from(aliasHistory).where(history).limit(1),
  ]);
  if (any.length === 0) throw aliasNotFound(model.name, alias);
  return pageFrom(
    rows,
    limit,
    (row) => String(row.revision),
    (row) => toRevision(model.name, row),
  );
}

/**
 * The alias as it was at an instant; whether it is protected is no part of its history and is told as of now.
 * @throws LeptonError `model_not_found`, or `alias_not_found` where it did not exist then
 */
export async function getAliasAt(ctx: ServiceContext, modelName: string, alias: string, at: string): Promise<Alias> {
  const model = await findModel(ctx, modelName);
  const { db } = ctx.gateway;
  const [[row], [now]] = await db.batch([
    db
      .select()
      .from(aliasHistory)
      .where(
        and(
          eq(aliasHistory.modelId, model.id),
          eq(aliasHistory.alias, alias),
          lte(aliasHistory.createdAt, Date.parse(at)),
        ),
      )
      // By revision: several moves may fall into one millisecond, the last of them counts.
      .orderBy(desc(aliasHistory.revision))
      .limit(1),
    db
      .select({ protected: aliases.protected })
      .from(aliases)
      .where(and(eq(aliases.modelId, model.id), eq(aliases.alias, alias))),
  ]);
  if (!row || row.targets.length === 0) {
    const why = row ? `revision ${row.revision} had deleted it` : 'it was made later, or never';
    throw new LeptonError('alias_not_found', `model "${model.name}" had no alias "${alias}" at ${at}: ${why}`);
  }
  const { createdAt, createdBy, ...rest } = row;
  return toAlias(model.name, {
    ...rest,
    protected: now?.protected ?? false,
    updatedAt: createdAt,
    updatedBy: createdBy,
  });
}
