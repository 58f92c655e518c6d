/** Names as they are searched: the same for all ways to write one name. */

/**
 * The form in which names, and what is looked for in them, are compared: NFKC, without difference of upper and lower
 * case in any script. `ß` is `ss`, the Greek final sigma a sigma, the Turkish dotted and dotless i an i. Accents count.
 */
export function foldName(text: string): string {
  // By way of upper case, in which `ß` is two letters; and to it by way of lower case, as `ẞ` is one.
  const folded = text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase();
  return folded.replaceAll('ς', 'σ').replaceAll('i\u0307', 'i').normalize('NFKC');
}
