import { IconPlugConnectedX } from '@tabler/icons-react';
import { useConnection } from '../api/use-live';
import classes from './connection-bar.module.css';

/** Quiet as long as all is well. */
export function ConnectionBar() {
  const connection = useConnection();
  return (
    <div role="status" aria-live="polite">
      {connection === 'away' && (
        <div className={classes.bar}>
          <IconPlugConnectedX size={16} aria-hidden />
          Connection lost, trying again. What you see may be old.
        </div>
      )}
    </div>
  );
}
