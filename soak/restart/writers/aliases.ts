/** Moves aliases: to other versions if nobody else did meanwhile, back, and away. */
import type { Alias } from '@lepton-edge/protocol';
import type { Answered, Journal, ModelRecord, MoveTry } from '../journal.ts';
import { fresh, happens, oneOf } from '../random.ts';
import type { Writer } from './writer.ts';

const ALIASES = ['production', 'staging', 'canary'];
const BACK_SHARE = 0.2;
const AWAY_SHARE = 0.05;
const MAY_REFUSE = [
  'model_not_found',
  'alias_not_found',
  'revision_conflict',
  'version_not_ready',
  'version_not_found',
];

export const moveAlias: Writer = async ({ client, journal }) => {
  const model = oneOf(journal.living());
  const target = model && oneOf(model.versions)?.version;
  const alias = oneOf(ALIASES);
  if (!model || target === undefined || alias === undefined) return;
  const listed = await journal.attempt('aliases read', ['model_not_found'], () => client.aliases.list(model.name));
  if (!listed.ok) return;
  const now = listed.value.items.find((item) => item.alias === alias);
  const ifRevision = now?.revision ?? 0;
  const reason = fresh('move');
  if (now && happens(AWAY_SHARE)) {
    const gone = await journal.attempt('alias deleted', MAY_REFUSE, () =>
      client.aliases.delete(model.name, alias, reason, { ifRevision }),
    );
    recordMove(
      journal,
      model,
      { alias, reason, targets: [], revision: undefined },
      'delete',
      revisionOf(gone, ifRevision),
    );
  } else if (now && happens(BACK_SHARE)) {
    const back = await journal.attempt('alias rolled back', MAY_REFUSE, () =>
      client.aliases.rollback(model.name, alias, { reason, ifRevision }),
    );
    recordMove(journal, model, { alias, reason, targets: undefined, revision: undefined }, 'rollback', back);
  } else {
    const moved = await journal.attempt('alias moved', MAY_REFUSE, () =>
      client.aliases.put(model.name, alias, { targets: [{ version: target }], reason, ifRevision }),
    );
    recordMove(journal, model, { alias, reason, targets: [target], revision: undefined }, 'put', moved);
  }
};

/** A deletion answers nothing: it took the revision after the one it was for. */
function revisionOf(gone: Answered<void>, ifRevision: number): Answered<Pick<Alias, 'revision'>> {
  return gone.ok ? { ok: true, value: { revision: ifRevision + 1 } } : gone;
}

function recordMove(
  journal: Journal,
  model: ModelRecord,
  move: MoveTry,
  how: 'put' | 'rollback' | 'delete',
  answered: Answered<Pick<Alias, 'revision'> & Partial<Pick<Alias, 'targets'>>>,
): void {
  if (answered.ok) {
    const { revision, targets } = answered.value;
    move.revision = revision;
    move.targets ??= targets?.map(({ version }) => version);
    journal.expectAudit(`alias.${how} alias/${model.name}@${move.alias} ${revision}`);
  }
  if (answered.ok || answered.inDoubt) model.moves.push(move);
}
