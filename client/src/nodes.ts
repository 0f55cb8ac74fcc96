/** Nodes, and the tokens by which they join. */
import type { CreateNodeTokenInput, IssuedNodeToken, Node, NodeToken, Page } from '@lepton-edge/protocol';
import { allPages, type PageOptions } from './pages.ts';
import { type PostOptions, query, type RequestOptions, seg, type Transport } from './transport.ts';

export function nodeCalls(http: Transport) {
  const list = ({ limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Node>>(`/api/nodes${query({ limit, cursor })}`, options);
  const listTokens = ({ limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<NodeToken>>(`/api/nodes/tokens${query({ limit, cursor })}`, options);
  const post =
    (verb: string) =>
    (id: string, options: PostOptions = {}) =>
      http.json<Node>(`/api/nodes/${seg(id)}/${verb}`, { ...options, method: 'POST', json: {} });
  return {
    list,
    all: (options: PageOptions = {}) => allPages((page) => list({ ...options, ...page }), options.cursor),
    /** Takes it out of work until it is resumed; it finishes what it has, and stays up. */
    drain: post('drain'),
    resume: post('resume'),
    /** Has it replace its credential. */
    rotate: post('rotate'),
    allTokens: (options: PageOptions = {}) => allPages((page) => listTokens({ ...options, ...page }), options.cursor),
    /** The token is in this answer only. A repeat under one idempotency key is 409 `already_issued`. */
    createToken: (input: CreateNodeTokenInput = {}, options: PostOptions = {}) =>
      http.json<IssuedNodeToken>('/api/nodes/tokens', { ...options, method: 'POST', json: input }),
    revokeToken: async (id: string, options: RequestOptions = {}): Promise<void> => {
      await http.send(`/api/nodes/tokens/${seg(id)}`, { ...options, method: 'DELETE' });
    },
  };
}
