import { Button } from '@mantine/core';
import { IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { aboutQuery } from '../api/queries';
import { useConnection } from '../api/use-live';
import classes from './connection-bar.module.css';

/** Quiet as long as all is well. */
export function ConnectionBar() {
  const connection = useConnection();
  const isOld = useIsOld();
  return (
    <div role="status" aria-live="polite">
      {connection === 'away' ? (
        <Bar icon={<IconPlugConnectedX size={16} aria-hidden />}>
          Connection lost, trying again. What you see may be old.
        </Bar>
      ) : (
        isOld && (
          <Bar icon={<IconRefresh size={16} aria-hidden />}>
            Muster has been upgraded.
            <Button size="compact-xs" variant="default" onClick={() => window.location.reload()}>
              Load the page again
            </Button>
          </Bar>
        )
      )}
    </div>
  );
}

function Bar({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <div className={classes.bar}>
      {icon}
      {children}
    </div>
  );
}

/** Whether another version of Muster answers than the one that this page came with. */
function useIsOld(): boolean {
  const { data: about } = useQuery(aboutQuery);
  const [first, setFirst] = useState(about?.version);
  if (first === undefined && about) setFirst(about.version);
  return about !== undefined && first !== undefined && about.version !== first;
}
