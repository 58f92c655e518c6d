/** The REST client of somebody who does not give up: tries until the answer is final. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Span } from './membership';
import { API_KEY } from './world';

const ANSWER_TIMEOUT_MS = 40_000;
const PAUSE_MS = 500;
const GIVES_UP_AFTER_MS = 600_000;

export interface Answer {
  status: number;
  body: any;
}

export interface FinalAnswer extends Answer {
  /** When it was first asked for, and when it came. */
  span: Span;
  /** The first try was answered, so that nothing was done without a word of it. */
  atOnce: boolean;
}

export class OperatorClient {
  /** Answers that were not final: none, 429, 5xx. */
  retries = 0;
  private turn = 0;

  constructor(private readonly apis: readonly string[]) {}

  /** @throws when there is no final answer for 10 minutes */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<FinalAnswer> {
    const from = Date.now();
    for (let tries = 1; ; tries++) {
      const answer = await this.attempt(method, path, body, headers);
      const to = Date.now();
      if (answer.status < 500 && answer.status !== 429 && answer.status !== 0)
        return { ...answer, span: { from, to }, atOnce: tries === 1 };
      if (to > from + GIVES_UP_AFTER_MS)
        throw new Error(`${method} ${path}: no final answer, the last was ${JSON.stringify(answer)}`);
      this.retries++;
      await sleep(PAUSE_MS);
    }
  }

  async *list(path: string): AsyncGenerator<any> {
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: '250', ...(cursor && { cursor }) }).toString();
      const { body } = await this.call('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`);
      yield* body.items;
      cursor = body.nextCursor;
    } while (cursor);
  }

  private async attempt(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const api = this.apis[this.turn++ % this.apis.length]!;
    try {
      const response = await fetch(`${api}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(`${API_KEY.key}:${API_KEY.secret}`).toString('base64')}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch (error) {
      return { status: 0, body: String(error) };
    }
  }
}
