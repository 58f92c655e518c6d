/** The same tests on SQLite and on PostgreSQL. */
import { openStore, type Db } from '../../src/store/database';
import { describeWithPostgres, startPostgres, type Postgres } from './postgres';

export interface Stores {
  /** An empty store, closed after the test. */
  open(): Promise<Db>;
}

export function describeOnEachStore(tests: (stores: Stores) => void): void {
  describe('on SQLite', () => tests(closedAfterEach(() => openStore({ file: ':memory:' }))));
  describeWithPostgres('on PostgreSQL', () => {
    const databases = freshDatabases();
    tests(closedAfterEach(async () => openStore({ url: await databases.create(), poolSize: 5 })));
  });
}

/** Databases with all tables and no rows, on a PostgreSQL that runs while the tests do. */
export function freshDatabases(): { create(): Promise<string>; server(): Postgres } {
  let postgres: Postgres;
  let template: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    template = await postgres.createDatabase();
    await (await openStore({ url: template, poolSize: 1 })).destroy();
  });
  afterAll(() => postgres?.destroy());
  return { create: () => postgres.createDatabase(template), server: () => postgres };
}

function closedAfterEach(open: () => Promise<Db>): Stores {
  const opened: Db[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.destroy()));
  });
  return {
    async open() {
      const db = await open();
      opened.push(db);
      return db;
    },
  };
}
