import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from 'react-router';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { Empty } from '../components/states';

export function NotFoundPage() {
  return (
    <Page title="Page not found">
      <Panel>
        <Empty
          icon={IconMapOff}
          title="There is nothing at this address"
          action={
            <Button component={Link} to="/">
              Go to the overview
            </Button>
          }
        >
          It may have been mistyped, or what it led to has been deleted.
        </Empty>
      </Panel>
    </Page>
  );
}
