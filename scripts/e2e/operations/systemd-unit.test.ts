import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCheck, testWith } from './testing/check-program.ts';

/**
 * docs/operations/pouchgate.service, as systemd reads it. scripts/e2e/packaging/production-start.ts runs its command with its
 * environment.
 */

const UNIT = readFileSync(join(import.meta.dirname, '../../../docs/operations/pouchgate.service'), 'utf8');
const systemdTest = testWith('systemd-analyze');

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pouchgate-unit-'));
  file = join(folder, 'pouchgate.service');
  // systemd-analyze requires the program to exist.
  writeFileSync(file, UNIT.replace('ExecStart=/usr/bin/node', `ExecStart=${process.execPath}`));
});
afterAll(() => rmSync(folder, { recursive: true }));

systemdTest('systemd accepts every setting', () => {
  expect(runCheck('systemd-analyze', ['verify', file])).toEqual({ exitCode: 0, output: '' });
});

systemdTest('the service has few rights: at most 1.5 of the 10 points of exposure', () => {
  // The limit is in tenths.
  const args = ['security', '--offline=true', '--no-pager', '--threshold=15', file];
  expect(runCheck('systemd-analyze', args)).toMatchObject({ exitCode: 0 });
});

test('the environment is a file that only root reads, and a restart never gives up', () => {
  for (const line of ['EnvironmentFile=/etc/pouchgate.env', 'Restart=on-failure', 'StartLimitIntervalSec=0'])
    expect(UNIT.split('\n')).toContain(line);
});
