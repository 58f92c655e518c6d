/**
 * What an acknowledged write outlives. `process`: the end of any process at any instant. `power-cut`: that of the
 * operating system and of the power as well, because each write waits for the disk.
 */
export const DURABILITIES = ['process', 'power-cut'] as const;
export type Durability = (typeof DURABILITIES)[number];
