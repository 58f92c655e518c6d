import { Anchor, Breadcrumbs, Group, Stack, Title } from '@mantine/core';
import { useEffect, useRef, type ReactNode } from 'react';
import { Link, useLocation } from 'react-router';

interface PageProps {
  title: string;
  /** Beside the title. */
  mark?: ReactNode;
  /** The pages above this one. */
  above?: { title: string; to: string };
  /** Buttons at the right of the title. */
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, mark, above, actions, children }: PageProps) {
  return (
    <Stack gap="md">
      <title>{`${title} · Muster`}</title>
      <Stack gap={4}>
        {above && (
          <Breadcrumbs fz="sm">
            <Anchor component={Link} to={above.to} fz="sm">
              {above.title}
            </Anchor>
          </Breadcrumbs>
        )}
        <Group justify="space-between" gap="sm">
          <Group gap="sm">
            <Heading>{title}</Heading>
            {mark}
          </Group>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
      </Stack>
      {children}
    </Stack>
  );
}

/** Gets the focus when the page has changed, as it would if the browser had loaded it. */
function Heading({ children }: { children: string }) {
  const { key } = useLocation();
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirstPage = key === 'default';
  useEffect(() => {
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    // Only when it appears: filters and dialogs keep the focus where it is.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return (
    <Title order={1} ref={heading} tabIndex={-1} style={{ outline: 'none' }}>
      {children}
    </Title>
  );
}
