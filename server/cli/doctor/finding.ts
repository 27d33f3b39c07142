/** The result of one check. */
export interface Finding {
  /** The name of the check. Stable, for programs. */
  readonly check: string;
  /** `told` is information, not a fault; `not-checked` needs rights that the credentials do not have. */
  readonly state: 'good' | 'wrong' | 'told' | 'not-checked';
  /** For a person: the state, and how to correct it if it is wrong. */
  readonly sentence: string;
}

export const okFinding = (check: string, sentence: string): Finding => ({ check, state: 'good', sentence });
export const errorFinding = (check: string, sentence: string): Finding => ({ check, state: 'wrong', sentence });
export const infoFinding = (check: string, sentence: string): Finding => ({ check, state: 'told', sentence });
export const skippedFinding = (check: string, sentence: string): Finding => ({ check, state: 'not-checked', sentence });

/** Whether nothing is wrong. */
export const hasNoErrors = (findings: readonly Finding[]): boolean => findings.every(({ state }) => state !== 'wrong');
