import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot, { type AlignedData, type Options } from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ExecutionStatus } from '../../domain/statuses';
import type { Schemas } from '../api/client';
import { count } from '../lib/numbers';
import { EXECUTION_LOOKS, STATUS_ORDER } from '../lib/statuses';

type Points = Schemas['JobProgress']['points'];

interface PlotProps {
  points: Points;
  height: number;
}

/** A file of its own, loaded when a chart is to be seen. */
export default function ProgressPlot({ points, height }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const scheme = useComputedColorScheme();
  const statuses = STATUS_ORDER.filter((status) => points.some((point) => point.executionCounts[status] > 0));
  const shape = statuses.join();

  useEffect(() => {
    const element = box.current!;
    const drawn = new uPlot(
      optionsFor(shape.split(',') as ExecutionStatus[], element, height),
      [[]],
      element,
    );
    const fitting = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    fitting.observe(element);
    plot.current = drawn;
    return () => {
      fitting.disconnect();
      drawn.destroy();
      plot.current = null;
    };
    // Its colours are drawn, not styled: another scheme is another drawing.
  }, [shape, height, scheme]);

  useEffect(() => {
    plot.current?.setData(stacked(points, shape.split(',') as ExecutionStatus[]));
  }, [points, shape, height, scheme]);

  return <div ref={box} role="img" aria-label={inWords(points)} style={{ minHeight: height }} />;
}

/** Each status on top of those before it. A last point that stands alone is drawn from a second before. */
function stacked(points: Points, statuses: readonly ExecutionStatus[]): AlignedData {
  const shown = points.length === 1 ? [points[0]!, points[0]!] : points;
  const times = shown.map(({ at }, index) => Date.parse(at) / 1000 + (points.length === 1 ? index - 1 : 0));
  const below = shown.map(() => 0);
  const layers = statuses.map((status) =>
    shown.map(({ executionCounts }, index) => (below[index]! += executionCounts[status])),
  );
  return [times, ...layers];
}

function optionsFor(statuses: readonly ExecutionStatus[], element: HTMLElement, height: number): Options {
  const style = getComputedStyle(element);
  const variable = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: variable('--mantine-color-dimmed'),
    grid: { stroke: variable('--line'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max)] } },
    axes: [
      axis,
      { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
    ],
    series: [
      {},
      ...statuses.map((status) => {
        const color = variable(EXECUTION_LOOKS[status].color.slice('var('.length, -1));
        return { label: status, stroke: color, width: 1.5, fill: `${color}2e`, points: { show: false } };
      }),
    ],
    // The area of a status ends where the one below begins.
    bands: statuses
      .slice(1)
      .map((_status, index) => ({ series: [index + 2, index + 1] as [number, number] })),
  };
}

function inWords(points: Points): string {
  const last = points.at(-1);
  if (!last) return 'Executions over time: nothing yet.';
  const counts = STATUS_ORDER.filter((status) => last.executionCounts[status] > 0).map((status) =>
    `${last.executionCounts[status]} ${EXECUTION_LOOKS[status].label}`.toLowerCase(),
  );
  return `Executions over time, ${count(points.length, 'point')}; at last ${counts.join(', ') || 'none'}.`;
}
