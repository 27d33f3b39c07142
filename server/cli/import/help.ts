export const IMPORT_HELP = `Imports users of an older application: their preferences, and their accounts where CouchDB accepts the password hashes.

  pouchgate import [options] <source>

<source> is one of:
  http://127.0.0.1:5984/old_users   a CouchDB database; conflicting revisions are merged
  ./folder                          a folder of JSON files, a document in each
  ./users.ndjson                    a file with a JSON document in each line
  -                                 the same on standard input

Options:
  --map <file>      an ES module whose default export is a function from a document to { username, preferences, createdAt?, updatedAt?,
                    password? | account? }, or to undefined for a document that belongs to no user. account has the members
                    derived_key, salt, iterations and pbkdf2_prf of an account of CouchDB. Default: a mapping of documents like
                    { _id: "user_alice", username, preferences, updated_at, … }
  --dry-run         write nothing
  --report <file>   write the report about each document as a line of JSON to this file; - is standard output
  --json            for programs: print the numbers as one JSON value to standard output
  -h, --help        print this text

Only preferences that the schema accepts are imported. The report names every member that is left out, and never a value.
What a user has changed since stays as it is. Run the import again after an interruption, or when the source has changed: it writes
only what is missing.

Environment variables: those of the gates (see docs/configuration.md), and
  SOURCE_USER, SOURCE_PASSWORD   the credentials for a source that is a database
  PREFERENCES_MODULE             for an application with its own preferences: a module that exports "schema", as passed to createPouchgate

The exit code is 0 if every user is imported or already here, 1 if one is skipped or the import fails, and 2 if the command line is
invalid.`;
