import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';

/** The ending of the name under which views are built before they are put in place. */
export const VIEW_WARMUP_SUFFIX = '_being_built';

/**
 * A design document with the same views under another name. CouchDB names an index by a digest of the views, the language
 * and the options (couch_mrview_util:set_view_type), not by the document: once it is built, it is that of the real one too.
 * Its other members stay away, since validate_doc_update would be in force.
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
