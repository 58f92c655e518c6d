import { Page } from '../components/page';

export function NewJobPage() {
  return <Page title="NewJob">…</Page>;
}
