import { Group, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './panel.module.css';

interface PanelProps {
  title?: string;
  /** At the right of the title. */
  aside?: ReactNode;
  /** Room around the content; a table needs none. */
  padded?: boolean;
  children: ReactNode;
}

/** A part of a page. */
export function Panel({ title, aside, padded = false, children }: PanelProps) {
  return (
    <section className={classes.panel} aria-label={title}>
      {title && (
        <Group className={classes.head} justify="space-between">
          <Title order={2}>{title}</Title>
          {aside}
        </Group>
      )}
      <div className={padded ? classes.padded : undefined}>{children}</div>
    </section>
  );
}
