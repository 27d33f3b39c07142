export const USERS_HELP = `Manages users, with the environment of the gates. In front of a CouchDB the gates may keep running.

Commands:
  add <name>                          create an account; prompts for its password
  add --from <file>                   create many: a name and a password in each line, as CSV or as JSON; - is standard input
  list                                list all users, with their state and when they were last seen
  show <name>                         show a user's sessions and preferences, with the source and time of each change
  suspend <name>                      revoke all rights at once, and end all sessions and live requests
  restore <name>                      end a suspension
  reset-password <name>               change the password, and end all sessions
  end-sessions <name>                 sign the user out everywhere
  set <name> <preference> <value>     set a preference to JSON, or to plain text if it takes a string; null or unset removes it
  export <name>                       print everything stored about the user as JSON, without password hashes and tokens
  repair <name> | --all               make a document that the doctor reports readable and editable, and show what changes
  erase <name>                        delete the user's data permanently; the name can never be used again

<name> is the user's name as "list" prints it: the username of an account, or the subject of an identity provider, such as
'auth0|5f7c'. Put -- before a name that begins with a hyphen.

Options:
  --json             for programs: print one JSON value to standard output
  --password-stdin   add, reset-password: read the password from standard input instead of prompting for it
  --dry-run          repair: only show what would change
  --unseen           suspend: accept a name without an account or a document
  --yes              erase: do not prompt for confirmation
  -h, --help         print this text

Environment variables: those of the gates (see docs/configuration.md), and
  COUCHDB_ADMIN_USER, COUCHDB_ADMIN_PASSWORD   for erase and repair: a server admin, for what CouchDB lets no other do
  PREFERENCES_MODULE                           for an application with its own preferences: a module that exports "schema",
                                               "defaults" and "upgrade" as passed to createPouchgate

The exit code is 0 on success, 1 on failure, and 2 if the command line is invalid.`;
