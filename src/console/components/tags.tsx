import { Badge, Group } from '@mantine/core';
import { Nothing } from './relative-time';

export function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return <Nothing />;
  return (
    <Group component="span" gap={4}>
      {tags.map((tag) => (
        <Badge key={tag} variant="default" tt="none" fw={500} radius="sm">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}
