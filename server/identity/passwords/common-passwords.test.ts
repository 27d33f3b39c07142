import { isCommonPassword } from './common-passwords.ts';

test.each(['password', 'PASSWORD', '12345678', 'qwertyuiop', 'iloveyou', 'sunshine', 'baseball1'])(
  '%s is a common password',
  async (password) => {
    expect(await isCommonPassword(password)).toBe(true);
  },
);

test.each(['correct horse', 'try-pouchgate', '', 'constructor', '__proto__', 'Tr0ub4dor&3-and-more'])(
  '%p is not a common password',
  async (password) => {
    expect(await isCommonPassword(password)).toBe(false);
  },
);
