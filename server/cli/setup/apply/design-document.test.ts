import { connect } from '../../../upstream/client.ts';
import { addContentHash } from '../../../upstream/schema/design-hash.ts';
import { startTestEngine } from '../../../testing/embedded-engine.ts';
import { writeDesignDocument } from './design-document.ts';

const database = 'user_registry';
const path = '/user_registry/_design/registry';
const viewOf = (name: string) => ({ [name]: { map: `(function (doc) { emit(doc._id, '${name}'); })` } });
const designWith = (views: object) => ({ _id: '_design/registry', language: 'javascript', views });

it('replaces the revision that is stored once the views are built, also if it is newer than the planned one', async () => {
  const { engine, asAdmin } = await startTestEngine();
  await asAdmin('PUT', '/user_registry');
  const { body } = await asAdmin('PUT', path, addContentHash(designWith(viewOf('old'))));
  const { rev: planned } = body as { rev: string };

  const couch = connect(engine.access);
  const request = couch.request.bind(couch);
  const interferingStatuses: number[] = [];
  jest.spyOn(couch, 'request').mockImplementation(async (options) => {
    // The build of the views is a query of them.
    if (typeof options === 'object' && options.path?.includes('_being_built/_view/') === true) {
      const byHand = { ...designWith(viewOf('by_hand')), _rev: planned };
      interferingStatuses.push((await asAdmin('PUT', path, byHand)).status);
    }
    return (await request(options)) as unknown;
  });
  const design = designWith(viewOf('new'));
  const step = { kind: 'write-design', database, design, replacedRevision: planned, replacesViews: true } as const;
  await writeDesignDocument(couch, step);

  expect(interferingStatuses).toEqual([201]);
  expect((await asAdmin('GET', path)).body).toMatchObject({
    ...addContentHash(design),
    _rev: expect.stringMatching(/^3-/) as string,
  });
  expect((await asAdmin('GET', `${path}_being_built`)).status).toBe(404);
  await engine.close();
});
