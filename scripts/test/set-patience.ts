/** Measures `TEST_PATIENCE`, unless it is set. Import it before what imports couchdb-design/testing/patience.ts. */
import { measurePatience } from './measure-patience.ts';

process.env['TEST_PATIENCE'] ??= String(measurePatience());
