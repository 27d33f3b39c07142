import { judgeDesign, otherPrefix, type DesignVerdict } from '../../upstream/schema/design-hash.ts';
import { readDesigns, type StoredDesigns } from '../../upstream/schema/read-design-documents.ts';
import { reasonOf } from '../../upstream/setup-error.ts';
import { WARM_SUFFIX } from '../setup/plan/view-warmup-design.ts';
import { good, told, wrong, type Finding } from './finding.ts';
import type { Patient } from './context.ts';

/** The registry's design documents: as this version has them, whole, and no more of them. */
export async function checkDesigns({ upstream, config, design }: Patient): Promise<Finding[]> {
  const { registry } = config;
  let stored: StoredDesigns;
  try {
    const ids = design.designs.map(({ _id }) => _id);
    stored = await readDesigns(upstream.couch, registry, ids);
  } catch (error) {
    return [
      wrong(
        'design documents',
        `The design documents of ${registry} cannot be read (${reasonOf(error)}); run "npm run setup".`,
      ),
    ];
  }
  const ours = design.designs.map((wanted) => {
    const there = stored.get(wanted._id);
    if (there === undefined) return judge(wanted._id, 'absent');
    const verdict = judgeDesign(wanted, there);
    return verdict === 'other-prefix'
      ? wrong(wanted._id, `${otherPrefix(wanted, there, registry)}.`)
      : judge(wanted._id, verdict);
  });
  const others = [...stored.keys()].filter((id) => design.designs.every(({ _id }) => id !== _id));
  return [...ours, ...others.map((id) => judgeOther(id, stored.get(id) ?? {}))];
}

function judge(id: string, verdict: Exclude<DesignVerdict, 'other-prefix'>): Finding {
  switch (verdict) {
    case 'current':
      return good(id, `${id} is that of this version.`);
    case 'absent':
      return wrong(id, `${id} is missing, by which CouchDB checks writes; run "npm run setup".`);
    case 'unsealed':
      return wrong(id, `${id} has no content_hash, so that a change of it could not be seen; run "npm run setup".`);
    case 'other-version':
      return wrong(
        id,
        `${id} is that of another version of Pouchgate; run "npm run setup" of the version that the gates have.`,
      );
    case 'changed-by-hand':
      return wrong(id, `${id} was changed by hand; run "npm run setup -- --replace" to have it as it was.`);
    case 'foreign':
      return wrong(id, `${id} is not Pouchgate's; run "npm run setup -- --replace" to overwrite it.`);
  }
}

function judgeOther(id: string, document: Readonly<Record<string, unknown>>): Finding {
  if (id.endsWith(WARM_SUFFIX)) {
    return wrong(id, `${id} is left of a set-up that was not finished; run "npm run setup" again.`);
  }
  return document['validate_doc_update'] === undefined
    ? told(id, `${id} is not Pouchgate's, and costs time at every write; see whether it is needed.`)
    : wrong(
        id,
        `${id} is not Pouchgate's, and has a say in every write (validate_doc_update); remove it, or users' writes may be refused.`,
      );
}
