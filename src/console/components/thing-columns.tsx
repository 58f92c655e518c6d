import type { Schemas } from '../api/client';
import { ConnectionLabel } from './connection';
import type { Column } from './data-table';
import { Nothing } from './relative-time';
import { RowLink } from './row-link';
import { Tags } from './tags';

export const THING_COLUMNS: Column<Schemas['Thing']>[] = [
  {
    header: 'Name',
    cell: ({ name }) => <RowLink to={`/things/${encodeURIComponent(name)}`}>{name}</RowLink>,
  },
  { header: 'Connection', cell: ({ connection }) => <ConnectionLabel connection={connection} /> },
  { header: 'Thing type', cell: ({ thingTypeName }) => thingTypeName ?? <Nothing /> },
  { header: 'Tags', cell: ({ tags }) => <Tags tags={tags} /> },
];
