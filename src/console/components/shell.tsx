import { AppShell, Burger, Group, NavLink, ScrollArea, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconDevices,
  IconExternalLink,
  IconKey,
  IconLayoutDashboard,
  IconListCheck,
  IconLogout,
  IconTags,
  type Icon,
} from '@tabler/icons-react';
import { Link, Outlet, useLocation } from 'react-router';
import { useMay, useSession, useSignOut } from '../api/session';
import { sayFailure } from '../lib/use-call';
import { Brand } from './brand';
import { ConnectionBar } from './connection-bar';
import { Crash } from './crash';
import { SchemeSwitch } from './scheme-switch';
import classes from './shell.module.css';

interface Place {
  to: string;
  title: string;
  icon: Icon;
  /** Under `/api/v1`: who may read it, gets the link. */
  reads: string;
}

export const PLACES: readonly Place[] = [
  { to: '/', title: 'Overview', icon: IconLayoutDashboard, reads: '/overview' },
  { to: '/jobs', title: 'Jobs', icon: IconListCheck, reads: '/jobs' },
  { to: '/things', title: 'Things', icon: IconDevices, reads: '/things' },
  { to: '/groups', title: 'Groups', icon: IconTags, reads: '/thing-groups' },
  { to: '/api-keys', title: 'API keys', icon: IconKey, reads: '/api-keys' },
];

/** What stands around every page. */
export function Shell() {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  return (
    <AppShell
      layout="alt"
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={{ base: 'sm', sm: 'lg' }}
      transitionDuration={0}
    >
      <a href="#content" className={classes.skip}>
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm" className={classes.bar}>
        <Group h="100%" px="sm" justify="space-between">
          <Brand />
          <Burger
            opened={isOpen}
            onClick={toggle}
            size="sm"
            aria-label={isOpen ? 'Close the menu' : 'Open the menu'}
          />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" className={classes.bar} aria-label="Main">
        <Group px="xs" pb="md" pt={4} justify="space-between">
          <Brand />
          <Burger opened hiddenFrom="sm" size="sm" onClick={close} aria-label="Close the menu" />
        </Group>
        <AppShell.Section grow component={ScrollArea}>
          <Places onGo={close} />
        </AppShell.Section>
        <AppShell.Section>
          <WhoIsHere />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <ConnectionBar />
        <div className={classes.content}>
          <Crash key={pathname}>
            <Outlet />
          </Crash>
        </div>
      </AppShell.Main>
    </AppShell>
  );
}

function Places({ onGo }: { onGo: () => void }) {
  const may = useMay();
  const { pathname } = useLocation();
  const isHere = (to: string) =>
    to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`);
  return (
    <>
      {PLACES.filter(({ reads }) => may('GET', reads)).map(({ to, title, icon: Icon }) => (
        <NavLink
          key={to}
          component={Link}
          to={to}
          label={title}
          leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
          active={isHere(to)}
          aria-current={isHere(to) ? 'page' : undefined}
          onClick={onGo}
          className={classes.place}
        />
      ))}
    </>
  );
}

function WhoIsHere() {
  const { apiKey, name } = useSession();
  const signOut = useSignOut();
  return (
    <Stack gap={4} pt="xs" className={classes.foot}>
      <NavLink
        href="/docs"
        target="_blank"
        label="API docs"
        leftSection={<IconExternalLink size={18} stroke={1.7} aria-hidden />}
        className={classes.place}
      />
      <NavLink
        component="button"
        type="button"
        label="Sign out"
        leftSection={<IconLogout size={18} stroke={1.7} aria-hidden />}
        disabled={signOut.isPending}
        onClick={() => signOut.mutate(undefined, { onError: sayFailure })}
        className={classes.place}
      />
      <SchemeSwitch />
      <Text size="xs" c="dimmed" px="xs" truncate title={`Signed in with the key ${apiKey}`}>
        Signed in as {name ?? apiKey}
      </Text>
    </Stack>
  );
}
