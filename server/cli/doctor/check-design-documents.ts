import { compareDesign, describePrefixMismatch, type DesignComparison } from '../../upstream/schema/design-hash.ts';
import { readDesignDocuments, type StoredDesigns } from '../../upstream/schema/read-design-documents.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { VIEW_WARMUP_SUFFIX } from '../../upstream/schema/view-warmup-design.ts';
import { okFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

/** The registry's design documents: as this version has them, whole, and no more of them. */
export async function checkDesignDocuments({ upstream, config, design }: DoctorContext): Promise<Finding[]> {
  const { registry } = config;
  let stored: StoredDesigns;
  try {
    const ids = design.designs.map(({ _id }) => _id);
    stored = await readDesignDocuments(upstream.couch, registry, ids);
  } catch (error) {
    return [
      errorFinding(
        'design documents',
        `The design documents of ${registry} cannot be read (${errorMessage(error)}); run "npm run setup".`,
      ),
    ];
  }
  const ownFindings = design.designs.map((expected) => {
    const existing = stored.get(expected._id);
    if (existing === undefined) return evaluateDesign(expected._id, 'absent');
    const verdict = compareDesign(expected, existing);
    return verdict === 'other-prefix'
      ? errorFinding(expected._id, `${describePrefixMismatch(expected, existing, registry)}.`)
      : evaluateDesign(expected._id, verdict);
  });
  const foreignIds = [...stored.keys()].filter((id) => design.designs.every(({ _id }) => id !== _id));
  return [...ownFindings, ...foreignIds.map((id) => evaluateForeignDesign(id, stored.get(id) ?? {}))];
}

function evaluateDesign(id: string, verdict: Exclude<DesignComparison, 'other-prefix'>): Finding {
  switch (verdict) {
    case 'current':
      return okFinding(id, `${id} is that of this version.`);
    case 'absent':
      return errorFinding(id, `${id} is missing, by which CouchDB checks writes; run "npm run setup".`);
    case 'unsealed':
      return errorFinding(
        id,
        `${id} has no content_hash, so that a change of it could not be seen; run "npm run setup".`,
      );
    case 'other-version':
      return errorFinding(
        id,
        `${id} is that of another version of Pouchgate; run "npm run setup" of the version that the gates have.`,
      );
    case 'changed-by-hand':
      return errorFinding(id, `${id} was changed by hand; run "npm run setup -- --replace" to have it as it was.`);
    case 'foreign':
      return errorFinding(id, `${id} is not Pouchgate's; run "npm run setup -- --replace" to overwrite it.`);
  }
}

function evaluateForeignDesign(id: string, document: Readonly<Record<string, unknown>>): Finding {
  if (id.endsWith(VIEW_WARMUP_SUFFIX)) {
    return errorFinding(id, `${id} is left of a set-up that was not finished; run "npm run setup" again.`);
  }
  return document['validate_doc_update'] === undefined
    ? infoFinding(id, `${id} is not Pouchgate's, and costs time at every write; see whether it is needed.`)
    : errorFinding(
        id,
        `${id} is not Pouchgate's, and has a say in every write (validate_doc_update); remove it, or users' writes may be refused.`,
      );
}
