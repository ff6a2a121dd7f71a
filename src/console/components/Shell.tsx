import {
  ActionIcon,
  Alert,
  Anchor,
  AppShell,
  Burger,
  Group,
  NavLink,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconAffiliate,
  IconBell,
  IconBug,
  IconChecklist,
  IconClockPause,
  IconFiles,
  IconGavel,
  IconFlame,
  IconHistory,
  IconKey,
  IconMap2,
  IconLayoutDashboard,
  IconLogout,
  IconMoon,
  IconPlugConnected,
  IconPlugConnectedX,
  IconRoute,
  IconQuestionMark,
  IconAntenna,
  IconRadar2,
  IconServer2,
  IconShieldCheck,
  IconSun,
  IconTimeline,
} from '@tabler/icons-react';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { ApiError } from '../../client/client.ts';
import type { Campaign } from '../../model/campaign.ts';
import { currentCampaign } from '../api/current-campaign.ts';
import { RETRY_MS, useCampaigns, useMe, useSignOut } from '../api/hooks.ts';
import { useLiveUpdates } from '../api/live.ts';
import { isSignedOut } from '../api/signed-out.ts';
import { paths } from '../paths.ts';
import { ToSignIn } from './ToSignIn.tsx';

interface Item {
  to: string;
  label: string;
  icon: ComponentType<{ size: number }>;
}

const nav = (campaign: Campaign | undefined): Item[] => [
  { to: paths.overview(), label: 'Overview', icon: IconLayoutDashboard },
  { to: paths.hosts(), label: 'Hosts', icon: IconServer2 },
  { to: paths.unknown(), label: 'Unknown', icon: IconQuestionMark },
  { to: paths.map(), label: 'Map', icon: IconMap2 },
  { to: paths.timeline(), label: 'Timeline', icon: IconHistory },
  { to: paths.sources(), label: 'Sources', icon: IconAntenna },
  { to: paths.scans(), label: 'Scans', icon: IconRadar2 },
  { to: paths.deployments(), label: 'Deployments', icon: IconPlugConnected },
  { to: paths.findings(), label: 'Findings', icon: IconChecklist },
  { to: paths.vulnerabilities(), label: 'Vulnerabilities', icon: IconBug },
  { to: paths.compliance(), label: 'Compliance', icon: IconShieldCheck },
  { to: paths.policies(), label: 'Policies', icon: IconGavel },
  { to: paths.keys(), label: 'Keys', icon: IconKey },
  { to: paths.graph(), label: 'Dependencies', icon: IconAffiliate },
  { to: paths.exceptions(), label: 'Exceptions', icon: IconClockPause },
  { to: paths.changes(), label: 'Changes', icon: IconRoute },
  ...(campaign ? [{ to: paths.campaign(campaign.kit), label: 'Campaign', icon: IconFlame }] : []),
  { to: paths.trail(), label: 'Trail', icon: IconTimeline },
  { to: paths.documents(), label: 'Documents', icon: IconFiles },
  { to: paths.notifications(), label: 'Notifications', icon: IconBell },
];

export function Shell() {
  const me = useMe();
  const [open, menu] = useDisclosure();
  const connected = useLiveUpdates(me.data !== undefined);
  if (isSignedOut(me.error)) return <ToSignIn />;
  // Asked again after a failure it is pending once more; the page stays nevertheless.
  const failed = me.isError || (me.isPending && me.errorUpdateCount > 0);
  if (me.isPending && !failed) return null;
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={open}
              onClick={menu.toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Menu"
              aria-expanded={open}
            />
            <UnstyledButton component={Link} to={paths.overview()} aria-label="Lastember, overview">
              <Group gap={8} wrap="nowrap">
                <img src="/ember.svg" alt="" width={22} height={22} />
                <Text fw={700}>Lastember</Text>
              </Group>
            </UnstyledButton>
          </Group>
          <Group gap="xs" wrap="nowrap" style={{ minWidth: 0 }}>
            <LiveDot connected={connected} />
            {me.data ? <AccountLink name={me.data.name} role={me.data.role} /> : null}
            <SchemeToggle />
            <SignOut />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        <Navigation onNavigate={menu.close} />
      </AppShell.Navbar>
      <AppShell.Main>
        {failed ? <Unreached error={me.error} /> : null}
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function AccountLink({ name, role }: { name: string; role: string }) {
  return (
    <Anchor
      component={Link}
      to={paths.account()}
      size="sm"
      c="dimmed"
      aria-label={`Account: ${name} · ${role}`}
      className="account"
    >
      {name}
      <span className="account-role"> · {role}</span>
    </Anchor>
  );
}

/** The page stays as it was read; it may be old, and says so. */
function Unreached({ error }: { error: unknown }) {
  const answered = error instanceof ApiError;
  return (
    <Alert
      color="yellow"
      icon={<IconPlugConnectedX aria-hidden />}
      title={answered ? 'The server has trouble' : 'Server not reachable'}
      role="alert"
      mb="md"
    >
      {answered ? `${error.message} ` : ''}What you see may be old. It is tried again every {RETRY_MS / 1000} seconds.
    </Alert>
  );
}

function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const { pathname } = useLocation();
  const campaign = currentCampaign(useCampaigns().data ?? []);
  return (
    <nav aria-label="Main">
      {nav(campaign).map(({ to, label, icon: Icon }) => {
        const active = to === '/' ? pathname === '/' : `${pathname}/`.startsWith(`${to}/`);
        return (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={label}
            leftSection={<Icon size={18} />}
            active={active}
            aria-current={active ? 'page' : undefined}
            onClick={onNavigate}
            style={{ borderRadius: 8 }}
          />
        );
      })}
    </nav>
  );
}

function LiveDot({ connected }: { connected: boolean }) {
  const label = connected ? 'Live: this page follows what happens' : 'Not connected; trying again';
  return (
    <Tooltip label={label}>
      <span
        role="status"
        aria-label={label}
        style={{
          flex: 'none',
          width: 9,
          height: 9,
          borderRadius: '50%',
          background: `var(--mantine-color-${connected ? 'green' : 'yellow'}-6)`,
        }}
      />
    </Tooltip>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={`Switch to ${next} colours`}
      onClick={() => setColorScheme(next)}
    >
      {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}

function SignOut() {
  const signOut = useSignOut();
  const navigate = useNavigate();
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label="Sign out"
      onClick={() => signOut.mutate(undefined, { onSuccess: () => void navigate({ to: paths.signIn() }) })}
    >
      <IconLogout size={18} />
    </ActionIcon>
  );
}
