/** What the doctor has to say about one thing. */
export interface Finding {
  /** What was looked at, in a word or two: stable, for programs. */
  readonly check: string;
  /** `told` is worth knowing and no fault; `not-checked` could not be looked at with the rights that there are. */
  readonly state: 'good' | 'wrong' | 'told' | 'not-checked';
  /** For a person: what is so, and for what is wrong how it is mended. */
  readonly sentence: string;
}

export const okFinding = (check: string, sentence: string): Finding => ({ check, state: 'good', sentence });
export const errorFinding = (check: string, sentence: string): Finding => ({ check, state: 'wrong', sentence });
export const infoFinding = (check: string, sentence: string): Finding => ({ check, state: 'told', sentence });
export const skippedFinding = (check: string, sentence: string): Finding => ({ check, state: 'not-checked', sentence });

export const hasNoErrors = (findings: readonly Finding[]): boolean => findings.every(({ state }) => state !== 'wrong');
