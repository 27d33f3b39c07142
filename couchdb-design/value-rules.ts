/**
 * Kinds of rules for a value: what it has to be as data, for whoever makes a validator or a form of it, and a check for a
 * browser, which takes no validator along.
 */

interface Check {
  /** What is wrong with a value, as the end of a sentence; nothing for a good one. */
  readonly faultOf: (value: unknown) => string;
}

/** `longest` is in UTF-16 code units, as JavaScript counts. What has none of the members is true or false. */
export type Rule = Check &
  (
    | object
    | { readonly values: readonly string[] }
    | { readonly longest: number; readonly pattern: RegExp; readonly says: string }
    | { readonly most: number; readonly of: Rule }
    | { readonly members: Rules; readonly required: readonly string[] }
  );

export type Rules = Readonly<Record<string, Rule>>;

/** The type of the values that keep a rule. */
export type ValueOf<R> = R extends { readonly values: readonly (infer V)[] }
  ? V
  : R extends { readonly pattern: RegExp }
    ? string
    : R extends { readonly of: infer Of }
      ? ValueOf<Of>[]
      : R extends { readonly members: infer M; readonly required: readonly (infer K)[] }
        ? { [Key in keyof M as Key extends K ? Key : never]: ValueOf<M[Key]> } & {
            [Key in keyof M as Key extends K ? never : Key]?: ValueOf<M[Key]>;
          }
        : boolean;

export const boolean = {
  faultOf: (value: unknown) => (typeof value === 'boolean' ? '' : 'must be true or false'),
};

export const oneOf = <const V extends readonly string[]>(...values: V) => ({
  values,
  faultOf: (value: unknown) => (values.some((one) => one === value) ? '' : `must be one of ${values.join(', ')}`),
});

export const text = (longest: number, pattern: RegExp, says: string) => ({
  longest,
  pattern,
  says,
  faultOf: (value: unknown) =>
    typeof value === 'string' && value.length <= longest && pattern.test(value) ? '' : says,
});

export const list = <R extends Rule>(most: number, of: R) => ({
  most,
  of,
  faultOf: (value: unknown) =>
    Array.isArray(value) && value.length <= most
      ? (value.map(of.faultOf).find(Boolean) ?? '')
      : `must be a list of at most ${most}`,
});

export const record = <M extends Rules, K extends string>(members: M, ...required: readonly K[]) => ({
  members,
  required,
  faultOf: (value: unknown) => faultsIn(members, value, required)[0] ?? '',
});

/** What is wrong with the members of an object; those that are missing are, when they are `required`. */
export const faultsIn = (rules: Rules, value: unknown, required: readonly string[] = []): readonly string[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['must be an object'];
  const faults = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const fault = rule ? rule.faultOf(member) : 'is not known';
    return fault && `${key} ${fault}`;
  });
  const missing = required.filter((key) => !Object.hasOwn(value, key)).map((key) => `${key} is missing`);
  return [...faults, ...missing].filter(Boolean);
};
