import { Page } from '../components/page';

export function JobPage() {
  return <Page title="Job">…</Page>;
}
