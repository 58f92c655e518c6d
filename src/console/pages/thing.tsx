import { Page } from '../components/page';

export function ThingPage() {
  return <Page title="Thing">…</Page>;
}
