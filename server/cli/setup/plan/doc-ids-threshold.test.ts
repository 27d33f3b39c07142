import type { NodeState } from '../current-state.ts';
import { configuredDocIdsThreshold, planDocIdsThreshold } from './doc-ids-threshold.ts';

test.each([
  ['3.4.3', ['10'], 10],
  ['3.4.3', ['1000', undefined, '100'], 100],
  ['3.4.3', [undefined], undefined],
  ['3.4.3', ['1000'], undefined],
  ['3.3.3', [undefined], undefined],
  ['3.3.3', ['100'], undefined],
  ['3.3.3', ['1000'], 1_000],
  ['3.4.3', ['0'], 0],
])('CouchDB %s with the thresholds %j needs the value %s in the environment of the gates', (version, texts, value) => {
  const nodes = texts.map((docIdsThreshold, n): NodeState => ({
    name: `node${n}`,
    up: true,
    handlers: undefined,
    requiredClaims: undefined,
    keys: {},
    docIdsThreshold,
  }));
  expect(configuredDocIdsThreshold({ nodes, version })).toBe(value);
  expect(planDocIdsThreshold({ nodes, version }).items).toHaveLength(value === undefined ? 0 : 1);
});
