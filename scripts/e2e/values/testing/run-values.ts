/** Submits one sequence of values to every interface, and compares the decisions and what is stored in the end. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import { documentBytes, MAX_DOCUMENT_BYTES } from '../../../../couchdb-design/user-document/document-changes.ts';
import type { Editor, Verdict } from './editors.ts';
import type { GeneratedValue } from './generated-values.ts';

export interface SequenceOptions {
  /** The first one decides what the others are compared with, and on what `fill` means. */
  readonly reference: Editor & { readonly read: () => Promise<object> };
  readonly editors: readonly Editor[];
  /** Sets a value that an interface cannot express on its behalf, so that all documents stay equal. */
  readonly substitute: (editor: Editor) => Editor;
  readonly readStored: (username: string) => Promise<object>;
}

interface Stored {
  readonly preferences: object;
  readonly edits: Readonly<Record<string, string>>;
}

const withoutCouchMembers = (document: object): object =>
  Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith('_') || name === '_id'));

/** Returns the text with which the document has `excess` bytes more than its limit. */
function fillText(document: Stored, { key, fill, excess }: Extract<GeneratedValue, { readonly fill: string }>): string {
  const stamp = '2026-11-22T09:30:01.123Z-0000-w7f3a';
  const preferences = { ...document.preferences, [key]: '' };
  const empty = documentBytes(
    withoutCouchMembers({ ...document, preferences, edits: { ...document.edits, [key]: stamp } }),
  );
  const bytesOfOne = new TextEncoder().encode(JSON.stringify(fill)).length - 2;
  const missing = Math.max(0, MAX_DOCUMENT_BYTES + excess - empty);
  const count = Math.floor(missing / bytesOfOne);
  return JSON.stringify(fill.repeat(count) + 'b'.repeat(missing - count * bytesOfOne));
}

const describe = ({ name }: Editor, { isAccepted, detail }: Verdict): string =>
  `${name} ${isAccepted ? 'accepts' : `rejects (${detail})`}`;

export interface Disagreement {
  readonly value: string;
  readonly decisions: readonly string[];
}

export interface SequenceResult {
  readonly disagreements: readonly Disagreement[];
  readonly failures: readonly string[];
  readonly decisions: number;
  readonly accepted: number;
}

/** Submits the values one after the other, each to all interfaces at once. */
export async function runSequence(
  values: readonly GeneratedValue[],
  { reference, editors, substitute, readStored }: SequenceOptions,
): Promise<SequenceResult> {
  const disagreements: Disagreement[] = [];
  const failures: string[] = [];
  let [decisions, accepted] = [0, 0];
  for (const value of values) {
    const document = (await reference.read()) as Stored;
    const text = 'text' in value ? value.text : fillText(document, value);
    const label = `${JSON.stringify(value.key)}: ${text.length > 120 ? `${text.slice(0, 120)}… (${text.length})` : text}`;
    const canSubmit = ({ cannotExpress }: Editor): boolean =>
      cannotExpress === undefined || !cannotExpress(value.key, text, document.preferences);
    const able = [reference, ...editors].filter(canSubmit);
    const verdicts = await Promise.all(
      able.map(async (editor) => [editor, await editor.submit(value.key, text)] as const),
    );
    decisions += verdicts.length;
    failures.push(
      ...verdicts.flatMap(([editor, verdict]) => (verdict.hasFailed ? [`${label}: ${describe(editor, verdict)}`] : [])),
    );
    const [[, first] = []] = verdicts;
    if (first === undefined) continue;
    if (first.isAccepted) accepted += 1;
    if (verdicts.some(([, { isAccepted }]) => isAccepted !== first.isAccepted)) {
      disagreements.push({ value: label, decisions: verdicts.map(([editor, verdict]) => describe(editor, verdict)) });
      // The documents differ from here on.
      break;
    }
    const unable = editors.filter((editor) => !canSubmit(editor));
    if (first.isAccepted) await Promise.all(unable.map((editor) => substitute(editor).submit(value.key, text)));
  }
  if (disagreements.length === 0) disagreements.push(...(await compareStored()));
  return { disagreements, failures, decisions, accepted };

  async function compareStored(): Promise<readonly Disagreement[]> {
    const expected = canonicalJson(((await reference.read()) as Stored).preferences);
    const found = await Promise.all(
      editors.map(async ({ name, username }) => {
        const text = canonicalJson(((await readStored(username)) as Stored).preferences);
        return text === expected ? [] : [`${name} stores ${text.slice(0, 2_000)}`];
      }),
    );
    return found.flat().length === 0
      ? []
      : [
          {
            value: 'the document',
            decisions: [`${reference.name} stores ${expected.slice(0, 2_000)}`, ...found.flat()],
          },
        ];
  }
}
