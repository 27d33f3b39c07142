/**
 * The longest tests first, also where none has run before: one that begins last has the machine to itself for minutes. Plain
 * JavaScript, since Jest loads it before it compiles anything.
 */
import sequencer from '@jest/test-sequencer';

const Sequencer = sequencer.default ?? sequencer;

const LONGEST = [
  'scripts/devices.test.ts',
  'server/set-up/set-up.test.ts',
  'scripts/restore.test.ts',
  'scripts/client-faults.test.ts',
  'scripts/kill.test.ts',
  'server/faults-slow.test.ts',
  'server/users/users-broken.test.ts',
  'server/faults-answers.test.ts',
  'scripts/client-interruptions.test.ts',
  'server/gate/fuzz.test.ts',
  'server/faults-restored.test.ts',
];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}`));
      return at < 0 ? LONGEST.length : at;
    };
    return super.sort(tests).toSorted((a, b) => place(a) - place(b));
  }
}
