/** pouchdb-browser looks for `self`, which browsers and workers have and Node does not. */
globalThis.self ??= globalThis as unknown as Window & typeof globalThis;
