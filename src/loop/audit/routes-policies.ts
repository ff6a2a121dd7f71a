import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { PolicyInput, PolicyList, PolicyName, PolicyPreview } from '../../model/policy.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Judge } from './judge-host.ts';
import { listPolicies, previewPolicies, removePolicy, removeProfile, setPolicies } from './policies.ts';

const Name = z.object({ name: PolicyName }).strict();

export function policyRoutes(context: Judge): Route[] {
  return [
    route({
      method: 'GET',
      path: '/policies',
      id: 'listPolicies',
      summary: 'Profiles, policies and how many hosts each is for',
      access: MAY.read,
      reply: PolicyList,
      handler: () => listPolicies(context),
    }),
    route({
      method: 'POST',
      path: '/policies/preview',
      id: 'previewPolicies',
      summary: 'On which hosts which checks would change; nothing is written',
      access: MAY.read,
      body: PolicyInput,
      reply: PolicyPreview,
      handler: ({ body }) => previewPolicies(context, body),
    }),
    route({
      method: 'POST',
      path: '/policies',
      id: 'setPolicies',
      summary: 'Set profiles and policies; all others stay, or with `keep: false` are removed',
      access: MAY.operate,
      body: PolicyInput,
      reply: PolicyPreview,
      handler: ({ body, actor }) => setPolicies(context, actor, body),
    }),
    route({
      method: 'DELETE',
      path: '/policies/:name',
      id: 'removePolicy',
      summary: 'Hold no host to it any more',
      access: MAY.operate,
      params: Name,
      reply: PolicyPreview,
      handler: ({ params, actor }) => removePolicy(context, actor, params.name),
    }),
    route({
      method: 'DELETE',
      path: '/profiles/:name',
      id: 'removeProfile',
      summary: 'Remove a profile that no policy uses',
      access: MAY.operate,
      params: Name,
      reply: PolicyPreview,
      handler: ({ params, actor }) => removeProfile(context, actor, params.name),
    }),
  ];
}
