import { Anchor } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import classes from './external-link.module.css';

export function ExternalLink({ href, children }: { href: string; children: string }) {
  return (
    <Anchor href={href} target="_blank" rel="noreferrer" size="sm" className={classes.link}>
      {children} <IconExternalLink size={14} aria-label="(opens in a new tab)" />
    </Anchor>
  );
}
