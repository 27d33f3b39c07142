import { compareDesign, describePrefixMismatch, type DesignComparison } from '../../upstream/schema/design-hash.ts';
import { readDesignDocuments, type StoredDesigns } from '../../upstream/schema/read-design-documents.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { VIEW_WARMUP_SUFFIX } from '../../upstream/schema/view-warmup-design.ts';
import { okFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

/** Checks that the registry has this version's design documents, unchanged, and no others. */
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
        `The design documents of ${registry} cannot be read (${errorMessage(error)}). Run "npm run setup".`,
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
      return errorFinding(id, `${id}, with which CouchDB checks writes, is missing. Run "npm run setup".`);
    case 'unsealed':
      return errorFinding(id, `${id} has no content_hash, so changes by hand are not noticed. Run "npm run setup".`);
    case 'other-version':
      return errorFinding(
        id,
        `${id} is that of another version of Pouchgate. Run "npm run setup" of the gates' version.`,
      );
    case 'changed-by-hand':
      return errorFinding(id, `${id} was changed by hand. Run "npm run setup -- --replace" to restore it.`);
    case 'foreign':
      return errorFinding(id, `${id} was not written by Pouchgate. Run "npm run setup -- --replace" to overwrite it.`);
  }
}

function evaluateForeignDesign(id: string, document: Readonly<Record<string, unknown>>): Finding {
  if (id.endsWith(VIEW_WARMUP_SUFFIX)) {
    return errorFinding(id, `${id} is left over from an unfinished set-up. Run "npm run setup" again.`);
  }
  return document['validate_doc_update'] === undefined
    ? infoFinding(id, `${id} was not written by Pouchgate, and slows down every write. Check whether you need it.`)
    : errorFinding(
        id,
        `${id} was not written by Pouchgate, and checks every write (validate_doc_update). Remove it, or users' writes may be rejected.`,
      );
}
