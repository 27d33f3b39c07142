(function (newDoc, oldDoc, userCtx, secObj) {
  // The database's own lock on writes, behind the gate's: whoever has the gate's credentials, or finds a way past it,
  // still writes no other user's document and nothing that is not shaped as one.
  //
  // Plain ES5 in one function, for SpiderMonkey 1.8.5, later engines, QuickJS and PouchDB alike. Nothing stands before
  // the function, in no file here: PouchDB puts `return` before the text, which a comment of several lines would end.
  //
  // It looks at the new document alone. `oldDoc` proves nothing: replication may bring any revision tree, whose root has
  // no old document however high its generation, and after a compaction there may be none for an honest write either. So
  // no rule may say that a field must stay as it was.
  //
  // Which preferences there are is the application's matter, and the gate's to check; here only their names' shape is.
  //
  // Set-up writes the deployment's own prefix of ids over this line.
  var ID_PREFIX = 'user_';
  // A subject of 1 to 255 characters as encodeSubject of username.ts encodes it: `a-z0-9_.@+-` as themselves, every other
  // character as the bytes of its well-formed UTF-8 (The Unicode Standard, table 3-7), `=` and two hex digits each. A
  // character has one encoding, so a subject has one id.
  var TAIL = '=[89AB][0-9A-F]';
  var ENCODED_CHARACTER = [
    '[a-z0-9_.@+-]',
    '=(?:[01][0-9A-F]|2[0-9ACF]|3[A-F]|4[1-9A-F]|5[0-9A-E]|60|7[B-F])',
    '=(?:C[2-9A-F]|D[0-9A-F])' + TAIL,
    '=E0=[AB][0-9A-F]' + TAIL,
    '=E[1-9A-CEF]' + TAIL + TAIL,
    '=ED=[89][0-9A-F]' + TAIL,
    '=F0=[9AB][0-9A-F]' + TAIL + TAIL,
    '=F[1-3]' + TAIL + TAIL + TAIL,
    '=F4=8[0-9A-F]' + TAIL + TAIL,
  ];
  var USERNAME = new RegExp('^(?:' + ENCODED_CHARACTER.join('|') + '){1,255}$');
  var PREFERENCE_KEY = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
  var TIME = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z';
  var ISO_TIME = new RegExp('^' + TIME + '$');
  var EDIT_STAMP = new RegExp('^' + TIME + '-[0-9a-f]{4}-[a-z0-9]{5}$');
  var FIELDS = ['type', 'version', 'username', 'preferences', 'edits', 'created_at', 'updated_at'];
  var MEMBERS = ['_id', '_rev', '_revisions', '_deleted'];
  // Generous: the gate limits what a write adds, in bytes. A document that is larger for any reason can still be written.
  var MAX_CHARACTERS = 2097152;

  function forbid(sentence) {
    throw { forbidden: sentence };
  }

  function has(list, item) {
    for (var i = 0; i < list.length; i += 1) if (list[i] === item) return true;
    return false;
  }

  function isObject(value) {
    // Not by instanceof: CouchDB makes what it hands over outside the sandbox that this runs in.
    return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) !== '[object Array]';
  }

  function matches(value, pattern) {
    return typeof value === 'string' && pattern.test(value);
  }

  function hasRole(role) {
    return isObject(userCtx) && typeof userCtx.roles === 'object' && userCtx.roles !== null && has(userCtx.roles, role);
  }

  /** The user whose document it is; null when it is none. */
  function ownerOf(id) {
    if (typeof id !== 'string' || id.slice(0, ID_PREFIX.length) !== ID_PREFIX) return null;
    return matches(id.slice(ID_PREFIX.length), USERNAME) ? id.slice(ID_PREFIX.length) : null;
  }

  function requireWriter(owner) {
    if (hasRole('_admin')) return;
    if (!isObject(userCtx) || typeof userCtx.name !== 'string') throw { unauthorized: 'Sign in to write a document.' };
    if (owner === null) forbid('Only an administrator may write a document that is no user document.');
    if (hasRole('pouchgate_service')) return;
    if (!hasRole('registry_user')) forbid('Only a user of the registry may write a user document.');
    if (userCtx.name !== owner) forbid('A user may write their own document only.');
  }

  function requireMembers(allowed, sentence) {
    // Inherited keys count as well: an engine that takes `__proto__` in JSON for the prototype must not hide them.
    for (var key in newDoc) if (!has(allowed, key)) forbid(sentence + ': ' + String(key).slice(0, 64) + '.');
  }

  function requireKeys(object, field) {
    for (var key in object)
      if (!PREFERENCE_KEY.test(key)) forbid(field + ' has a key that is no name of a preference.');
  }

  function requireShape(owner) {
    requireMembers(MEMBERS.concat(FIELDS), 'A user document has no such field');
    if (newDoc.type !== 'user_preferences') forbid('type must be user_preferences.');
    if (typeof newDoc.version !== 'number' || newDoc.version < 1 || newDoc.version % 1 !== 0) {
      forbid('version must be a positive integer.');
    }
    if (newDoc.username !== owner) forbid('username must be the one of the document id.');
    if (!isObject(newDoc.preferences)) forbid('preferences must be an object.');
    requireKeys(newDoc.preferences, 'preferences');
    if (!isObject(newDoc.edits)) forbid('edits must be an object.');
    requireKeys(newDoc.edits, 'edits');
    for (var key in newDoc.edits)
      if (!matches(newDoc.edits[key], EDIT_STAMP)) forbid('edits must hold edit stamps only.');
    if (!matches(newDoc.created_at, ISO_TIME)) forbid('created_at must be a time like 2026-11-22T09:30:01.123Z.');
    if (!matches(newDoc.updated_at, ISO_TIME)) forbid('updated_at must be a time like 2026-11-22T09:30:01.123Z.');
  }

  function requireSize() {
    // The body alone: `_revisions` grows with every edit, and would in the end forbid them all.
    var body = {};
    for (var i = 0; i < FIELDS.length; i += 1) body[FIELDS[i]] = newDoc[FIELDS[i]];
    if (JSON.stringify(body).length > MAX_CHARACTERS) forbid('A user document has at most 2097152 characters.');
  }

  // CouchDB keeps design documents to administrators by itself.
  if (typeof newDoc._id === 'string' && newDoc._id.slice(0, 8) === '_design/') return;

  var owner = ownerOf(newDoc._id);
  requireWriter(owner);
  if (newDoc._deleted === true) {
    if (owner !== null) requireMembers(MEMBERS, 'A deleted user document must be bare, it has the field');
    return;
  }
  if (owner === null) {
    // Only an administrator comes here.
    if (typeof newDoc._id === 'string' && newDoc._id.slice(0, ID_PREFIX.length) === ID_PREFIX)
      forbid('The document id holds no username.');
    return;
  }
  requireShape(owner);
  requireSize();
});
