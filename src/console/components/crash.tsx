import { Button, Center } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Failed } from './states';

/** Stands in for what could not be drawn. A program file that is gone, after an upgrade, ends here, too. */
export class Crash extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Center p="md">
        <div>
          <Failed error={this.state.error} />
          <Center>
            <Button onClick={() => window.location.reload()}>Load the page again</Button>
          </Center>
        </div>
      </Center>
    );
  }
}
