import { Page } from '../components/page';

export function ThingsPage() {
  return <Page title="Things">…</Page>;
}
