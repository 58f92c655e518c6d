import { Button, Group, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconChevronsLeft } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Paging } from '../lib/search-params';
import { DataTable, type Column } from './data-table';
import { Panel } from './panel';
import { Failed } from './states';

interface ListingProps<T> {
  label: string;
  query: UseQueryResult<{ items: T[]; nextCursor: string | null }>;
  columns: readonly Column<T>[];
  rowKey: (row: T) => string;
  paging: Paging;
  /** Search and filters above the table. */
  tools?: ReactNode;
  /** In the place of no rows. */
  empty: ReactNode;
}

/** A list of the API: tools, a table, pages, and everything that can stand in their place. */
export function Listing<T>({ label, query, columns, rowKey, paging, tools, empty }: ListingProps<T>) {
  const { data, error, isPlaceholderData, refetch } = query;
  return (
    <Panel>
      {tools && (
        <Group p="sm" gap="sm" role="search">
          {tools}
        </Group>
      )}
      {error && !data ? (
        <Failed error={error} retry={() => void refetch()} />
      ) : data?.items.length === 0 ? (
        empty
      ) : (
        <DataTable
          label={label}
          columns={columns}
          rows={data?.items}
          rowKey={rowKey}
          old={isPlaceholderData}
        />
      )}
      <Pager paging={paging} nextCursor={data?.nextCursor ?? null} />
    </Panel>
  );
}

function Pager({ paging, nextCursor }: { paging: Paging; nextCursor: string | null }) {
  if (nextCursor === null && paging.cursor === undefined) return null;
  return (
    <Group component="nav" aria-label="Pages" justify="flex-end" gap="xs" p="sm">
      {paging.pageNumber !== null && (
        <Text size="sm" c="dimmed" className="number" mr="xs" aria-live="polite">
          Page {paging.pageNumber}
        </Text>
      )}
      <Button
        size="xs"
        variant="default"
        disabled={paging.cursor === undefined}
        leftSection={<IconChevronsLeft size={14} aria-hidden />}
        onClick={paging.first}
      >
        First
      </Button>
      <Button
        size="xs"
        variant="default"
        disabled={!paging.previous}
        leftSection={<IconChevronLeft size={14} aria-hidden />}
        onClick={paging.previous}
      >
        Previous
      </Button>
      <Button
        size="xs"
        variant="default"
        disabled={nextCursor === null}
        rightSection={<IconChevronRight size={14} aria-hidden />}
        onClick={() => nextCursor !== null && paging.next(nextCursor)}
      >
        Next
      </Button>
    </Group>
  );
}
