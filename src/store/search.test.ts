import { Client } from 'pg';
import { describeWithPostgres } from '../../test/support/postgres';
import { freshDatabases } from '../../test/support/stores';
import { openStore } from './database';
import { listThings, registerThings } from './things';

describeWithPostgres('where PostgreSQL does not let Muster create pg_trgm', () => {
  const databases = freshDatabases();

  it('finds things all the same', async () => {
    const url = await databases.server().createDatabase();
    const owner = new Client({ connectionString: url });
    await owner.connect();
    await owner.query('create role guest login');
    await owner.query('grant all on schema public to guest');

    const db = await openStore({ url: url.replace('muster@', 'guest@'), poolSize: 2 });
    await registerThings(db, [{ name: 'Boiler-7', tags: [], attributes: {} }], Date.now());
    const { items } = await listThings(db, { search: 'LER-' }, { limit: 10 });
    expect(items.map(({ name }) => name)).toEqual(['Boiler-7']);
    await db.destroy();

    const { rows } = await owner.query("select 1 from pg_extension where extname = 'pg_trgm'");
    await owner.end();
    expect(rows).toEqual([]);
  });
});
