/** Defines `self`, which pouchdb-browser needs, and which browsers and workers have but Node does not. */
if (!('self' in globalThis)) Object.assign(globalThis, { self: globalThis });
