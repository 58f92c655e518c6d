import { Page } from '../components/page';

export function ApiKeysPage() {
  return <Page title="ApiKeys">…</Page>;
}
