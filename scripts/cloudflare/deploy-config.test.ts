import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withDatabaseId } from './deploy-config.ts';

const ID = '4a0b6c2e-5a35-4d2c-9f1e-0c7d8e9fa0b1';

describe('withDatabaseId', () => {
  it('changes that one value of the real configuration', async () => {
    const committed = await readFile('wrangler.toml', 'utf8');
    const rewritten = withDatabaseId(committed, ID);
    expect(rewritten.replace(ID, '00000000-0000-0000-0000-000000000000')).toBe(committed);
    expect(rewritten).toContain(`database_id = "${ID}"`);
  });

  it('leaves a comment and a preview id alone', () => {
    const toml = '# database_id = "x"\npreview_database_id = "p"\n  database_id="old" # here\n';
    expect(withDatabaseId(toml, ID)).toBe(
      `# database_id = "x"\npreview_database_id = "p"\n  database_id="${ID}" # here\n`,
    );
  });

  it.each([
    ['name = "x"', 0],
    ['database_id = "a"\ndatabase_id = "b"', 2],
  ])('refuses %j', (toml, count) => {
    expect(() => withDatabaseId(toml, ID)).toThrow(`expected exactly one line database_id = "…", found ${count}`);
  });
});
