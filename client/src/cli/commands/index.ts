/** All commands, in the order the help lists them. */
import type { Command } from '../command.ts';
import { ALIAS_COMMANDS } from './alias.ts';
import { AUDIT_COMMANDS } from './audit.ts';
import { INFER_COMMANDS } from './infer.ts';
import { MODEL_COMMANDS } from './models.ts';
import { NODE_TOKEN_COMMANDS } from './node-tokens.ts';
import { NODE_COMMANDS } from './nodes.ts';
import { PUSH_COMMANDS } from './push.ts';
import { QUOTA_COMMANDS } from './quotas.ts';
import { SESSION_COMMANDS } from './session.ts';
import { TENANCY_COMMANDS } from './tenancy.ts';
import { VERSION_COMMANDS } from './versions.ts';

export const COMMANDS: readonly Command[] = [
  ...SESSION_COMMANDS,
  ...PUSH_COMMANDS,
  ...INFER_COMMANDS,
  ...MODEL_COMMANDS,
  ...VERSION_COMMANDS,
  ...ALIAS_COMMANDS,
  ...TENANCY_COMMANDS,
  ...QUOTA_COMMANDS,
  ...NODE_COMMANDS,
  ...NODE_TOKEN_COMMANDS,
  ...AUDIT_COMMANDS,
];
