/** What the doctor has to say about one thing. */
export interface Finding {
  /** What was looked at, in a word or two: stable, for programs. */
  readonly check: string;
  /** `told` is worth knowing and no fault; `not-checked` could not be looked at with the rights that there are. */
  readonly state: 'good' | 'wrong' | 'told' | 'not-checked';
  /** For a person: what is so, and for what is wrong how it is mended. */
  readonly sentence: string;
}

export const good = (check: string, sentence: string): Finding => ({ check, state: 'good', sentence });
export const wrong = (check: string, sentence: string): Finding => ({ check, state: 'wrong', sentence });
export const told = (check: string, sentence: string): Finding => ({ check, state: 'told', sentence });
export const notChecked = (check: string, sentence: string): Finding => ({ check, state: 'not-checked', sentence });

export const isWell = (findings: readonly Finding[]): boolean => findings.every(({ state }) => state !== 'wrong');
