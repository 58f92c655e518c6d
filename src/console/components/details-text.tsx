import { Text } from '@mantine/core';
import { Nothing } from './relative-time';

/** What a device has said about its status: `progress=40%, step=download`. */
export function DetailsText({ details }: { details: Record<string, string> | null }) {
  const pairs = Object.entries(details ?? {});
  if (pairs.length === 0) return <Nothing />;
  return (
    <Text component="span" size="sm" className="mono" lineClamp={2}>
      {pairs.map(([key, value]) => `${key}=${value}`).join(', ')}
    </Text>
  );
}
