/** pouchdb-browser looks for `self`, which browsers and workers have and Node does not. */
if (!('self' in globalThis)) Object.assign(globalThis, { self: globalThis });
