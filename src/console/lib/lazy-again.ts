import { lazy, type ComponentType } from 'react';

const TRIES = 20;
const PAUSE_MS = 3_000;

/** A part of the program that is loaded when it is wanted; while the server is away, again and again for a minute. */
export function lazyAgain<P>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(() => tryAgain(load, TRIES));
}

async function tryAgain<T>(load: () => Promise<T>, tries: number): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (tries <= 1) throw error;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return tryAgain(load, tries - 1);
  }
}
