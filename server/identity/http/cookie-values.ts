/**
 * Returns the values of all cookies of a name (RFC 6265, 4.2.1). A request has several when a page of a sibling subdomain has set one
 * for the parent domain, or another path has one: which of them is the server's own cannot be told.
 *
 * @param header - The header `Cookie`, in which Node joins repeated ones.
 * @param name - The name, compared exactly.
 * @returns The values as sent, in the order of the header.
 */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined) return [];
  return header.split(';').flatMap((pair) => {
    const separator = pair.indexOf('=');
    return separator >= 0 && pair.slice(0, separator).trim() === name ? [pair.slice(separator + 1).trim()] : [];
  });
}
