/** A failing test that leaves a server open. jest-environment.test.ts runs it in a separate Jest process. */
import http from 'node:http';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';

test('fails before it closes its server', () => {
  closeAfterTests(http.createServer().listen(0, '127.0.0.1'));
  throw new Error('This test fails on purpose.');
});
