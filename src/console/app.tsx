import { Center, Loader, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { createQueryClient } from './api/query-client';
import { sessionQuery } from './api/queries';
import { useMay } from './api/session';
import { Live } from './api/use-live';
import { Crash } from './components/crash';
import { PLACES, Shell } from './components/shell';
import { Failed } from './components/states';
import { cspNonce } from './lib/nonce';
import { ApiKeysPage } from './pages/api-keys';
import { GroupPage } from './pages/group';
import { GroupsPage } from './pages/groups';
import { JobPage } from './pages/job';
import { JobsPage } from './pages/jobs';
import { NewJobPage } from './pages/new-job';
import { NotFoundPage } from './pages/not-found';
import { OverviewPage } from './pages/overview';
import { SignInPage } from './pages/sign-in';
import { ThingPage } from './pages/thing';
import { ThingsPage } from './pages/things';
import { cssVariablesResolver, theme } from './theme';

/** Until Muster answers for the first time. */
const ASK_AGAIN_MS = 2_000;

export function App() {
  const [queryClient] = useState(createQueryClient);
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={cssVariablesResolver}
      getStyleNonce={() => cspNonce}
    >
      <Notifications position="bottom-right" />
      <Crash>
        <QueryClientProvider client={queryClient}>
          <BrowserRouter>
            <Routes>
              <Route path="/sign-in" element={<SignInPage />} />
              <Route element={<SignedIn />}>
                <Route index element={<FirstPage />} />
                <Route path="jobs" element={<JobsPage />} />
                <Route path="jobs/new" element={<NewJobPage />} />
                <Route path="jobs/:jobId" element={<JobPage />} />
                <Route path="jobs/:jobId/executions/:thingName" element={<JobPage />} />
                <Route path="things" element={<ThingsPage />} />
                <Route path="things/:name" element={<ThingPage />} />
                <Route path="groups" element={<GroupsPage />} />
                <Route path="groups/:name" element={<GroupPage />} />
                <Route path="api-keys" element={<ApiKeysPage />} />
                <Route path="*" element={<NotFoundPage />} />
              </Route>
            </Routes>
          </BrowserRouter>
        </QueryClientProvider>
      </Crash>
    </MantineProvider>
  );
}

/** The overview, or where else the key permits to go. */
function FirstPage() {
  const may = useMay();
  const first = PLACES.find(({ reads }) => may('GET', reads));
  return first && first.to !== '/' ? <Navigate to={first.to} replace /> : <OverviewPage />;
}

/** The way in: without a session to the sign-in page, and back to where one was. */
function SignedIn() {
  const { pathname, search } = useLocation();
  const { data: session, error } = useQuery({
    ...sessionQuery,
    refetchInterval: (query) => (query.state.status === 'error' ? ASK_AGAIN_MS : false),
  });
  if (session === null) {
    const next = pathname === '/' ? '' : `?${new URLSearchParams({ next: pathname + search }).toString()}`;
    return <Navigate to={`/sign-in${next}`} replace />;
  }
  if (session === undefined)
    return <Center mih="100dvh">{error ? <Failed error={error} /> : <Loader />}</Center>;
  return (
    <Live>
      <Shell />
    </Live>
  );
}
