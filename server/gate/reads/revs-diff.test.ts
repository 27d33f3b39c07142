import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { parseRevsDiff, revsDiffBody, revsDiffResponse } from './revs-diff.ts';

const ownId = userDocumentId('alice' as Username);
const rev = (n: number): string => `2-${n.toString(16).padStart(32, '0')}`;
const merged = { into: rev(9), revisions: [rev(1), rev(2)] };

describe('revisions that were merged into the document', () => {
  const request = parseRevsDiff({ [ownId]: [rev(1), rev(3), 'x'] }, ownId);

  it('are not missing while the database has the revision that contains them', () => {
    expect(revsDiffBody(request, ownId, merged)).toEqual({ [ownId]: [rev(1), rev(3), rev(9)] });
    const upstream = { [ownId]: { missing: [rev(1), rev(3)], possible_ancestors: [rev(9)] } };
    expect(revsDiffResponse(request, ownId, upstream, merged)).toEqual({
      [ownId]: { missing: [rev(3), 'x'], possible_ancestors: [rev(9)] },
    });
  });

  it('are missing once it has lost that revision, which is never reported itself', () => {
    const upstream = { [ownId]: { missing: [rev(1), rev(3), rev(9)] } };
    expect(revsDiffResponse(request, ownId, upstream, merged)).toEqual({ [ownId]: { missing: [rev(1), rev(3), 'x'] } });
  });

  it('leave no entry when nothing else is missing', () => {
    const known = parseRevsDiff({ [ownId]: [rev(1), rev(2)] }, ownId);
    const upstream = { [ownId]: { missing: [rev(1), rev(2)] } };
    expect(revsDiffResponse(known, ownId, upstream, merged)).toEqual({});
    expect(revsDiffResponse(known, ownId, upstream)).toEqual(upstream);
  });
});
