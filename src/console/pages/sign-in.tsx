import { Anchor, Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { Navigate, useSearchParams } from 'react-router';
import { Refused } from '../api/client';
import { sessionQuery } from '../api/queries';
import { useSignIn } from '../api/session';
import { Brand } from '../components/brand';
import { Refusal } from '../components/states';
import { explain, type Explanation } from '../lib/explain';

const SEPARATOR = ':';

export function SignInPage() {
  const { data: session } = useQuery(sessionQuery);
  const [params] = useSearchParams();
  const signIn = useSignIn();
  const form = useForm({
    initialValues: { apiKey: '', apiSecret: '' },
    validate: {
      apiKey: (value) => (value.trim() === '' ? 'Enter the API key' : null),
      apiSecret: (value) => (value === '' ? 'Enter the secret of the key' : null),
    },
  });
  if (session) return <Navigate to={placeWithin(params.get('next'))} replace />;

  /** Muster prints `key:secret`; who pastes that into the first field means both. */
  const pasteBoth = (pasted: string) => {
    const at = pasted.indexOf(SEPARATOR);
    if (at < 0) return false;
    form.setValues({ apiKey: pasted.slice(0, at).trim(), apiSecret: pasted.slice(at + 1).trim() });
    return true;
  };

  return (
    <Center component="main" mih="100dvh" p="md">
      <title>Sign in · Muster</title>
      <Paper withBorder p="xl" w="100%" maw={400}>
        <form
          onSubmit={form.onSubmit((values) => signIn.mutate({ ...values, apiKey: values.apiKey.trim() }))}
          noValidate
        >
          <Stack>
            <Brand />
            <Title order={1}>Sign in</Title>
            <Refusal explanation={signIn.error && wordsFor(signIn.error)} />
            <TextInput
              label="API key"
              autoComplete="username"
              autoFocus
              spellCheck={false}
              {...form.getInputProps('apiKey')}
              onPaste={(event) => {
                if (pasteBoth(event.clipboardData.getData('text'))) event.preventDefault();
              }}
            />
            <PasswordInput
              label="Secret"
              autoComplete="current-password"
              visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the secret' }}
              {...form.getInputProps('apiSecret')}
            />
            <Button type="submit" loading={signIn.isPending} fullWidth>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              Muster prints a first key when it starts for the first time.{' '}
              <Anchor href="/docs" underline="always">
                API docs
              </Anchor>
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}

function wordsFor(error: unknown): Explanation {
  if (error instanceof Refused && error.status === 401) {
    return { title: 'Wrong key or secret', detail: 'Check both. A revoked key does not work any more.' };
  }
  return explain(error);
}

/** Only a place in this console: an address may be made up by anybody. */
function placeWithin(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : '/';
}
