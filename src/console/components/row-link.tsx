import type { ReactNode } from 'react';
import { Link, type To } from 'react-router';
import { tableClasses } from './data-table';

/** The one link of a row, which the whole row leads to. */
export function RowLink({ to, children }: { to: To; children: ReactNode }) {
  return (
    <Link to={to} className={tableClasses.rowLink}>
      {children}
    </Link>
  );
}
