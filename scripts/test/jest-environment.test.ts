import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

test('Jest exits after a test that failed and left a server open, and fails a file that leaks listeners', async () => {
  const args = ['--runInBand', '--testMatch', '**/scripts/test/testing/*.fixture.ts'];
  const jest = spawn(process.execPath, [join(ROOT, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], CI: 'true', TEST_PATIENCE: process.env['TEST_PATIENCE'] },
  });
  let output = '';
  jest.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(jest, 'close')) as [number];
  expect(output).toContain('This test fails on purpose.');
  expect(output).not.toContain('did not exit');
  expect(output).toMatch(
    /leaks-listeners\.fixture\.ts\s+● Test suite failed to run\s+MaxListenersExceededWarning: .* 11 leak/,
  );
  expect(code).toBe(1);
});
