import type { DesignDocument } from './design-documents.ts';

/** The suffix of the name under which views are built before the document that has them is replaced. */
export const VIEW_WARMUP_SUFFIX = '_being_built';

/**
 * A design document with the same views under another name. CouchDB names an index by a digest of the views, the language
 * and the options (couch_mrview_util:set_view_type), not by the document, so both documents share one index.
 * The other members are left out, because a second validate_doc_update would take effect.
 */
export function viewWarmupDesign(design: DesignDocument): DesignDocument {
  const { language, options, views } = design;
  return {
    _id: `${design._id}${VIEW_WARMUP_SUFFIX}`,
    language,
    ...(options === undefined ? {} : { options }),
    views: views ?? {},
  };
}
