import { IconPlugConnected, IconPlugConnectedX } from '@tabler/icons-react';
import type { Schemas } from '../api/client';
import classes from './connection.module.css';
import { Nothing, RelativeTime } from './relative-time';

/** Whether a thing is connected to the broker, and since when. */
export function ConnectionLabel({ connection }: { connection: Schemas['Thing']['connection'] }) {
  if (!connection) return <Nothing />;
  const Icon = connection.connected ? IconPlugConnected : IconPlugConnectedX;
  return (
    <span className={classes.connection} data-connected={connection.connected}>
      <Icon size={16} aria-hidden />
      <span>
        {connection.connected ? 'Online' : 'Offline'}
        <span className={classes.since}>
          {' '}
          · <RelativeTime at={connection.at} />
        </span>
      </span>
    </span>
  );
}
