/** CouchDB's list of authentication handlers, `[chttpd] authentication_handlers`: `{module, function}, {module, function}`. */

export const JWT_HANDLER = '{chttpd_auth, jwt_authentication_handler}';

/** CouchDB 3's default. https://docs.couchdb.org/en/stable/config/auth.html */
const DEFAULT_HANDLERS = '{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}';

const HANDLER_PATTERN = String.raw`\{\s*[a-z]\w*\s*,\s*[a-z]\w*\s*\}`;
const HANDLER_LIST_PATTERN = new RegExp(`^\\s*${HANDLER_PATTERN}(\\s*,\\s*${HANDLER_PATTERN})*\\s*$`);

/** Whether CouchDB can parse the list. Otherwise it does not open its port, and exits after some attempts. */
export const isValidHandlerList = (handlers: string | undefined): boolean =>
  handlers === undefined || HANDLER_LIST_PATTERN.test(handlers);

/** The function identifies the handler; older settings have `couch_httpd_auth` as its module. */
export const hasJwtHandler = (handlers: string | undefined): boolean =>
  /\bjwt_authentication_handler\s*\}/.test(handlers ?? '');

/** Appends the JWT handler. The existing handlers keep their order and spelling. */
export const addJwtHandler = (handlers: string | undefined): string =>
  hasJwtHandler(handlers) ? (handlers ?? '') : `${(handlers ?? DEFAULT_HANDLERS).trim()}, ${JWT_HANDLER}`;
