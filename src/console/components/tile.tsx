import { Skeleton, Text } from '@mantine/core';
import { Link } from 'react-router';
import classes from './tile.module.css';

interface TileProps {
  title: string;
  /** Undefined while it is being read. */
  value: string | undefined;
  note?: string;
  to?: string;
}

/** One number of the overview. */
export function Tile({ title, value, note, to }: TileProps) {
  return (
    <div className={classes.tile}>
      <Text size="sm" c="dimmed">
        {to ? (
          <Link to={to} className={classes.link}>
            {title}
          </Link>
        ) : (
          title
        )}
      </Text>
      {value === undefined ? (
        <Skeleton height={28} width="40%" mt={6} />
      ) : (
        <div className={`number ${classes.value}`}>{value}</div>
      )}
      <Text size="xs" c="dimmed" mih="1.2em">
        {note}
      </Text>
    </div>
  );
}
