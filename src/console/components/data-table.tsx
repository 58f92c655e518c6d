import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './data-table.module.css';

export interface Column<T> {
  header: string;
  cell: (row: T) => ReactNode;
  width?: string;
  align?: 'right';
  /** Left out where the screen is narrow. */
  minor?: boolean;
  /** The header is read out, but takes no room: for buttons. */
  quiet?: boolean;
}

interface DataTableProps<T> {
  /** What the table holds, for those who hear it. */
  label: string;
  columns: readonly Column<T>[];
  /** Undefined while they are being read. */
  rows: readonly T[] | undefined;
  rowKey: (row: T) => string;
  /** Shown are the rows of before, while others are being read. */
  old?: boolean;
}

const ROWS_TO_COME = 6;

/** On a narrow screen each row is a card; the roles are said, because the display of a table is what makes it one. */
export function DataTable<T>({ label, columns, rows, rowKey, old = false }: DataTableProps<T>) {
  return (
    <table className={classes.table} role="table" aria-label={label} aria-busy={!rows || old} data-old={old}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ header, width, align, minor, quiet }) => (
            <th
              key={header}
              role="columnheader"
              scope="col"
              style={{ width }}
              data-align={align}
              data-minor={minor}
            >
              {quiet ? <span className={classes.heard}>{header}</span> : header}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows
          ? rows.map((row) => (
              <tr key={rowKey(row)} role="row">
                {columns.map(({ header, cell, align, minor, quiet }) => (
                  <td
                    key={header}
                    role="cell"
                    data-label={quiet ? undefined : header}
                    data-align={align}
                    data-minor={minor}
                  >
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))
          : Array.from({ length: ROWS_TO_COME }, (_, index) => (
              <tr key={index} role="row">
                {columns.map(({ header, quiet }) => (
                  <td key={header} role="cell" data-label={quiet ? undefined : header}>
                    <Skeleton height={14} width={index % 2 ? '60%' : '80%'} />
                  </td>
                ))}
              </tr>
            ))}
      </tbody>
    </table>
  );
}

export { classes as tableClasses };
