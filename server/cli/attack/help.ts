import { ATTACK_GROUPS } from './entry.ts';

export const ATTACK_HELP = `Attacks a deployment as one of its users, A, who tries to read, change, count or delay another one, B.

  pouchgate attack http://127.0.0.1:4000 --register

<url> is the address of the server, or the URL of the database that clients replicate with. First a list of attacks is sent, then
random requests, which end by themselves. Both users write a random text into their documents, so that a leak is recognized, and
restore their preferences at the end, also after Ctrl-C. Other users' documents are not written. Use two users for this only.

Users, one of:
  --register                 creates two accounts, where registration is open
  --users <a>,<b>            signs in to two accounts; prompts for their passwords
  --password-stdin           reads the two passwords from standard input, one on each line
  ATTACK_TOKEN_A, ATTACK_TOKEN_B in the environment, or --token-file-a, --token-file-b: two users' access tokens

Options:
  --i-operate-this-server    required for an address that is not loopback
  --only <group>,…           sends a part of the list: ${ATTACK_GROUPS.join(', ')}
  --requests <n>             random requests after the list (2000); 0 sends none
  --seconds <n>              ends the random requests after this time (60)
  --rate <n>                 requests per second, at most (200)
  --seed <n>                 repeats the random requests of an earlier run
  --id-prefix <text>         what the ids of documents begin with (user_)
  --preference <name>        a preference that takes any text, or a list of texts (default: one is found)
  --json                     for programs: prints one JSON value to standard output
  -h, --help                 prints this text

ATTACK_EXPIRED_TOKEN can contain an expired token of user A, which must be refused.

The exit code is 0 without findings, 1 with findings, and 2 if the attack could not be run. Random requests are not sent after a
finding of the list, because they could then damage other users' documents.`;
