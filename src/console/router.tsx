import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Shell } from './components/Shell.tsx';
import { NotFound } from './pages/NotFound.tsx';
import { SignIn } from './pages/SignIn.tsx';
import {
  ComplianceSearch,
  FindingsSearch,
  HostSearch,
  HostsSearch,
  KeysSearch,
  MapSearch,
  TimelineSearch,
  TrailSearch,
  VulnerabilitiesSearch,
} from './search.ts';

const root = createRootRoute();
const signIn = createRoute({ getParentRoute: () => root, path: '/sign-in', component: SignIn });
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });
const parent = { getParentRoute: () => shell } as const;

const pages = [
  createRoute({
    ...parent,
    path: '/',
    component: lazyRouteComponent(() => import('./pages/Overview.tsx'), 'Overview'),
  }),
  createRoute({
    ...parent,
    path: '/hosts',
    validateSearch: HostsSearch,
    component: lazyRouteComponent(() => import('./pages/Hosts.tsx'), 'Hosts'),
  }),
  createRoute({
    ...parent,
    path: '/hosts/$id',
    validateSearch: HostSearch,
    component: lazyRouteComponent(() => import('./pages/Host.tsx'), 'HostPage'),
  }),
  createRoute({
    ...parent,
    path: '/unknown',
    component: lazyRouteComponent(() => import('./pages/Unknown.tsx'), 'Unknown'),
  }),
  createRoute({
    ...parent,
    path: '/timeline',
    validateSearch: TimelineSearch,
    component: lazyRouteComponent(() => import('./pages/Timeline.tsx'), 'TimelinePage'),
  }),
  createRoute({
    ...parent,
    path: '/map',
    validateSearch: MapSearch,
    component: lazyRouteComponent(() => import('./pages/Map.tsx'), 'MapPage'),
  }),
  createRoute({
    ...parent,
    path: '/sources',
    component: lazyRouteComponent(() => import('./pages/Sources.tsx'), 'Sources'),
  }),
  createRoute({
    ...parent,
    path: '/scans',
    component: lazyRouteComponent(() => import('./pages/Scans.tsx'), 'Scans'),
  }),
  createRoute({
    ...parent,
    path: '/deployments',
    component: lazyRouteComponent(() => import('./pages/Deployments.tsx'), 'Deployments'),
  }),
  createRoute({
    ...parent,
    path: '/deployments/$id',
    component: lazyRouteComponent(() => import('./pages/Deployment.tsx'), 'DeploymentPage'),
  }),
  createRoute({
    ...parent,
    path: '/agent-updates/$id',
    component: lazyRouteComponent(() => import('./pages/AgentUpdate.tsx'), 'AgentUpdatePage'),
  }),
  createRoute({
    ...parent,
    path: '/findings',
    validateSearch: FindingsSearch,
    component: lazyRouteComponent(() => import('./pages/Findings.tsx'), 'Findings'),
  }),
  createRoute({
    ...parent,
    path: '/vulnerabilities',
    validateSearch: VulnerabilitiesSearch,
    component: lazyRouteComponent(() => import('./pages/Vulnerabilities.tsx'), 'VulnerabilitiesPage'),
  }),
  createRoute({
    ...parent,
    path: '/vulnerabilities/$id',
    component: lazyRouteComponent(() => import('./pages/Vulnerability.tsx'), 'VulnerabilityPage'),
  }),
  createRoute({
    ...parent,
    path: '/compliance',
    validateSearch: ComplianceSearch,
    component: lazyRouteComponent(() => import('./pages/Compliance.tsx'), 'Compliance'),
  }),
  createRoute({
    ...parent,
    path: '/policies',
    component: lazyRouteComponent(() => import('./pages/Policies.tsx'), 'Policies'),
  }),
  createRoute({
    ...parent,
    path: '/keys',
    validateSearch: KeysSearch,
    component: lazyRouteComponent(() => import('./pages/Keys.tsx'), 'Keys'),
  }),
  createRoute({
    ...parent,
    path: '/graph',
    component: lazyRouteComponent(() => import('./pages/Graph.tsx'), 'GraphPage'),
  }),
  createRoute({
    ...parent,
    path: '/exceptions',
    component: lazyRouteComponent(() => import('./pages/Exceptions.tsx'), 'Exceptions'),
  }),
  createRoute({
    ...parent,
    path: '/changes',
    component: lazyRouteComponent(() => import('./pages/Changes.tsx'), 'Changes'),
  }),
  createRoute({
    ...parent,
    path: '/changes/$id',
    component: lazyRouteComponent(() => import('./pages/Change.tsx'), 'ChangePage'),
  }),
  createRoute({
    ...parent,
    path: '/campaigns/$kit',
    component: lazyRouteComponent(() => import('./pages/Campaign.tsx'), 'CampaignPage'),
  }),
  createRoute({
    ...parent,
    path: '/trail',
    validateSearch: TrailSearch,
    component: lazyRouteComponent(() => import('./pages/Trail.tsx'), 'TrailPage'),
  }),
  createRoute({
    ...parent,
    path: '/account',
    component: lazyRouteComponent(() => import('./pages/Account.tsx'), 'Account'),
  }),
  createRoute({
    ...parent,
    path: '/documents',
    component: lazyRouteComponent(() => import('./pages/Documents.tsx'), 'Documents'),
  }),
  createRoute({
    ...parent,
    path: '/notifications',
    component: lazyRouteComponent(() => import('./pages/Notifications.tsx'), 'Notifications'),
  }),
  // Whatever no other path takes: inside the shell, so that one finds the way on.
  createRoute({ ...parent, path: '$', component: NotFound }),
];

export const router = createRouter({
  routeTree: root.addChildren([signIn, shell.addChildren(pages)]),
  defaultPreload: 'intent',
});
