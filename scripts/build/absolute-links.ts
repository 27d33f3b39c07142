/** Links of a README that work on a package page. */
import { posix } from 'node:path';

export interface LinkBase {
  /** The repository's address, for example `https://github.com/owner/name`. */
  readonly repository: string;
  /** The path of the Markdown file in the repository, to which its links are relative. */
  readonly file: string;
}

/** Code blocks and code spans, in which nothing is a link. */
const CODE = /^(?:```|~~~)[^]*?^(?:```|~~~)|`[^`\n]+`/gm;
/** The target of an inline link or image, of a link definition, or of an HTML attribute, after what precedes it. */
const TARGETS = [
  /(!\[[^\]]*\]\()([^()\s]+)/g,
  // The text of a link may contain an image.
  /((?<!!)\[(?:[^[\]]|!\[[^\]]*\]\([^)]*\))*\]\()([^()\s]+)/g,
  /(^\[[^\]]+\]:\s+)(\S+)/gm,
  /(\b(?:src|href)=")([^"]+)/g,
];

/**
 * Makes relative links and images of a Markdown text absolute. Links lead to the file's page in the repository, images to the
 * file itself. Links within the text, absolute links, and code remain.
 *
 * @param markdown - The text.
 * @param base - The repository, and where the text is in it.
 * @returns The text with absolute links.
 */
export function makeLinksAbsolute(markdown: string, base: LinkBase): string {
  const codes: string[] = [];
  // No link contains this character.
  const withoutCode = markdown.replace(CODE, (code) => `\0${codes.push(code) - 1}\0`);
  const replaced = TARGETS.reduce(
    (text, pattern) =>
      text.replace(pattern, (_match, before: string, target: string) => before + absoluteTarget(before, target, base)),
    withoutCode,
  );
  return replaced.replace(/\0(\d+)\0/g, (_match, index: string) => codes[Number(index)] ?? '');
}

function absoluteTarget(before: string, target: string, { repository, file }: LinkBase): string {
  if (/^(?:[a-z][a-z\d+.-]*:|\/\/|#)/i.test(target)) return target;
  const isImage = before.startsWith('!') || before === 'src="';
  return `${repository}/${isImage ? 'raw' : 'blob'}/HEAD/${posix.join(posix.dirname(file), target)}`;
}
