export const USERS_HELP = `Manages users, with the environment that the gates have. In front of a CouchDB, gates may run meanwhile.

  add <name>                          makes an account; asks for its password
  list                                everybody, whether suspended or erased, and when last seen
  show <name>                         one user: sessions, preferences, and when and by which door each was last changed
  suspend <name>                      takes every right at once, and ends all sessions and live requests
  restore <name>                      lets a suspended user in again
  reset-password <name>               gives another password, and ends all sessions
  end-sessions <name>                 signs the user out everywhere
  set <name> <preference> <value>     sets a preference: JSON, or bare text where it is a text; null or unset removes it
  export <name>                       all that is held of the user, as JSON, without what could sign anybody in
  erase <name>                        removes the user's data for good; the name is never given to anybody again

  --json             for programs: one JSON value on the standard output
  --password-stdin   add, reset-password: reads the password from the standard input, in place of asking for it
  --unseen           suspend: also a name that nobody has used here yet
  --yes              erase: does not ask
  -h, --help

In the environment: what the gates have (see README), and
  COUCHDB_ADMIN_USER, COUCHDB_ADMIN_PASSWORD   for erase, where it is to do what CouchDB lets only a server admin do
  PREFERENCES_MODULE                           for an application with preferences of its own: a module that exports "schema"
                                               and "defaults" as it gives them to createPouchgate

The exit code is 0 when it is done, 1 when it is not, and 2 when the command line is not one.`;
