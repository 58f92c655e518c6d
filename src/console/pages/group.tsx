import { Page } from '../components/page';

export function GroupPage() {
  return <Page title="Group">…</Page>;
}
