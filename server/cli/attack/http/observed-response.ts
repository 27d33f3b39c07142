/** Everything that a client can observe of a response. */
export interface ObservedResponse {
  readonly status: number;
  /** The status line and the headers, a line each, as received. */
  readonly head: string;
  readonly body: string;
}

/** The values of a header, whose name is compared without regard to case. */
export function headerValues({ head }: Pick<ObservedResponse, 'head'>, name: string): readonly string[] {
  const prefix = `${name.toLowerCase()}:`;
  return head
    .split(/\r?\n/)
    .slice(1)
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}
