import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot, { type AlignedData, type Options } from 'uplot';
import type { ExecutionStatus } from '../../domain/statuses';
import type { Schemas } from '../api/client';
import { count } from '../lib/numbers';
import { EXECUTION_LOOKS, STATUS_ORDER } from '../lib/statuses';

/** Seconds between two marks. */
const TIME_STEPS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 14_400, 43_200, 86_400, 604_800, 2_592_000];

const SECONDS = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const MINUTES = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const DAYS = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

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
  const shape = STATUS_ORDER.filter((status) =>
    points.some((point) => point.executionCounts[status] > 0),
  ).join();

  useEffect(() => {
    const element = box.current!;
    const drawn = new uPlot(optionsFor(statusesOf(shape), element, height), [[]], element);
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
    plot.current?.setData(stacked(points, statusesOf(shape)));
  }, [points, shape, height, scheme]);

  return <div ref={box} role="img" aria-label={inWords(points)} style={{ minHeight: height }} />;
}

/** The statuses that occur, as a text: a drawing lasts as long as they are the same. */
const statusesOf = (shape: string) => STATUS_ORDER.filter((status) => shape.split(',').includes(status));

/** Each status on top of those before it, from the moment on when there was an execution. */
function stacked(points: Points, statuses: readonly ExecutionStatus[]): AlignedData {
  const shown = points.slice(points.findIndex(isAny));
  // A line takes two points.
  if (shown.length === 1) shown.unshift({ ...shown[0]!, at: secondBefore(shown[0]!.at) });
  const below = shown.map(() => 0);
  const layers = statuses.map((status) =>
    shown.map(({ executionCounts }, index) => (below[index]! += executionCounts[status])),
  );
  return [shown.map(({ at }) => Date.parse(at) / 1000), ...layers];
}

const isAny = ({ executionCounts }: Points[number]) =>
  Object.values(executionCounts).some((executions) => executions > 0);

const secondBefore = (at: string) => new Date(Date.parse(at) - 1000).toISOString();

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
      {
        ...axis,
        size: 28,
        incrs: TIME_STEPS,
        values: (_plot, splits, _axis, _space, step) => splits.map((at) => timeLabel(at, step)),
      },
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

/** As fine as the marks are apart. */
function timeLabel(seconds: number, step: number): string {
  const format = step < 60 ? SECONDS : step < 86_400 ? MINUTES : DAYS;
  return format.format(seconds * 1000);
}

function inWords(points: Points): string {
  const last = points.at(-1);
  if (!last) return 'Executions over time: nothing yet.';
  const counts = STATUS_ORDER.filter((status) => last.executionCounts[status] > 0).map((status) =>
    `${last.executionCounts[status]} ${EXECUTION_LOOKS[status].label}`.toLowerCase(),
  );
  return `Executions over time, ${count(points.length, 'point')}; at last ${counts.join(', ') || 'none'}.`;
}
