import { ago, exactTime, useNow } from '../lib/time';

/** @param at ISO 8601; null is shown as a dash */
export function RelativeTime({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return <Nothing />;
  const date = new Date(at);
  return (
    <time dateTime={at} title={exactTime(date)}>
      {ago(date, now)}
    </time>
  );
}

export function Nothing() {
  return <span aria-label="none">–</span>;
}
