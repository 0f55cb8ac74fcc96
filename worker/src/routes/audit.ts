/** `/api/audit`: who changed what, and whether the log still says so. */
import { createRoute } from '@hono/zod-openapi';
import { AuditEntry, AuditQuery, AuditVerified, pageOf } from '@lepton-edge/protocol';
import { serviceContext } from '../http/app-env.ts';
import { cacheable, createApi, json, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { listAudit } from '../services/audit/list.ts';
import { verifyAudit } from '../services/audit/verify.ts';

const list = createRoute({
  method: 'get',
  path: '/api/audit',
  operationId: 'listAudit',
  tags: ['Audit'],
  summary: 'List changes, newest first',
  description: 'A key without scope "admin" sees the changes of its own team’s things.',
  security: KEY,
  middleware: [authenticate('ops')] as const,
  request: { query: AuditQuery },
  responses: { ...cacheable(pageOf(AuditEntry), 'A page of changes.'), ...problems(400, 401, 403) },
});

const verify = createRoute({
  method: 'get',
  path: '/api/audit/verify',
  operationId: 'verifyAudit',
  tags: ['Audit'],
  summary: 'Seal the log, then compute its chain of hashes anew',
  description: 'The conflict names the first entry that was changed, is missing or was inserted.',
  security: KEY,
  middleware: [authenticate('admin')] as const,
  responses: { 200: json(AuditVerified, 'The log is as it was sealed.'), ...problems(401, 403, 409) },
});

export const auditRoutes = createApi()
  .openapi(list, async (c) => c.json(await listAudit(serviceContext(c), c.req.valid('query')), 200))
  .openapi(verify, async (c) => {
    const { db, janitors } = serviceContext(c).gateway;
    return c.json(await verifyAudit(db, await janitors.sealAudit()), 200);
  });
