import { Page } from '../components/page';

export function GroupsPage() {
  return <Page title="Groups">…</Page>;
}
