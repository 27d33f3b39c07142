import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { closeAfterTests } from '../couchdb-design/testing/open-resources.ts';

const ROOT = join(__dirname, '..');

test('Jest exits after a hook that timed out in startTestPouchgate', async () => {
  const args = ['--runInBand', '--testMatch', '**/hook-times-out.fixture.ts'];
  const jest = spawn(process.execPath, [join(ROOT, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], CI: 'true', TEST_PATIENCE: process.env['TEST_PATIENCE'] },
  });
  closeAfterTests({ close: () => jest.kill('SIGKILL') });
  let output = '';
  jest.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(jest, 'close')) as [number];
  expect(output).toContain('Exceeded timeout of 1 ms for a hook.');
  expect(code).toBe(1);
});
