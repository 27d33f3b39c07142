/** CouchDB's list of ways to sign in, `[chttpd] authentication_handlers`: `{module, function}, {module, function}`. */

export const JWT_HANDLER = '{chttpd_auth, jwt_authentication_handler}';

/** What CouchDB 3 takes when nothing is set. https://docs.couchdb.org/en/stable/config/auth.html */
const DEFAULT_HANDLERS = '{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}';

const HANDLER_PATTERN = String.raw`\{\s*[a-z]\w*\s*,\s*[a-z]\w*\s*\}`;
const HANDLER_LIST_PATTERN = new RegExp(`^\\s*${HANDLER_PATTERN}(\\s*,\\s*${HANDLER_PATTERN})*\\s*$`);

/** Whether CouchDB can read it. With a list that it cannot read it does not open its port, and after some attempts ends. */
export const isValidHandlerList = (handlers: string | undefined): boolean =>
  handlers === undefined || HANDLER_LIST_PATTERN.test(handlers);

/** The function says which handler it is; older settings name `couch_httpd_auth` as its module. */
export const hasJwtHandler = (handlers: string | undefined): boolean =>
  /\bjwt_authentication_handler\s*\}/.test(handlers ?? '');

/** The list with the JWT handler at its end: what is there stays, in its order and its spelling. */
export const addJwtHandler = (handlers: string | undefined): string =>
  hasJwtHandler(handlers) ? (handlers ?? '') : `${(handlers ?? DEFAULT_HANDLERS).trim()}, ${JWT_HANDLER}`;
