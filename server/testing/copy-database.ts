import { authorizationOf, connect, type UpstreamAccess } from '../upstream/client.ts';

/** Copies every leaf with its history into an existing database, as an operator would. */
export interface CopyOptions {
  readonly access: UpstreamAccess;
  readonly from: string;
  readonly to: string;
}

/** Copies with CouchDB's replicator, which must be able to reach itself under this URL. */
export async function replicate({ access, from, to }: CopyOptions): Promise<void> {
  const [source, target] = [from, to].map((name) => ({
    url: `${access.url}/${name}`,
    headers: { Authorization: authorizationOf(access) },
  }));
  await connect(access).request({ path: '_replicate', method: 'post', body: { source, target } });
}

/** Copies document by document, without the replicator. */
export async function copyDocuments({ access, from, to }: CopyOptions): Promise<void> {
  const couch = connect(access);
  const { results } = (await couch.request({ db: from, path: '_changes' })) as { results: { id: string }[] };
  for (const { id } of results) {
    const request = { db: from, doc: id, qs: { open_revs: 'all', revs: 'true' } };
    const docs = ((await couch.request(request)) as { ok: object }[]).map(({ ok }) => ok);
    const errors = await couch.use(to).bulk({ docs, new_edits: false });
    if (errors.length > 0) throw new Error(`${id} cannot be copied: ${JSON.stringify(errors)}`);
  }
}
