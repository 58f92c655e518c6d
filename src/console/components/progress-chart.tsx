import { Skeleton } from '@mantine/core';
import { Suspense } from 'react';
import 'uplot/dist/uPlot.min.css';
import type { Schemas } from '../api/client';
import { lazyAgain } from '../lib/lazy-again';

const Plot = lazyAgain(() => import('./progress-plot'));

const HEIGHT = 220;

/** How the executions of a job went on over time: an area for each status. */
export function ProgressChart({ points }: { points: Schemas['JobProgress']['points'] | undefined }) {
  const waiting = <Skeleton height={HEIGHT} />;
  if (!points) return waiting;
  return (
    <Suspense fallback={waiting}>
      <Plot points={points} height={HEIGHT} />
    </Suspense>
  );
}
