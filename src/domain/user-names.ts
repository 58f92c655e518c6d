/**
 * An MQTT user name ends at its first `?`: what follows is not part of the name. AWS SDKs append `?SDK=…&Version=…`,
 * unasked.
 * @returns '' where nothing is left: nobody has that name
 */
export function userNameOf(presented: string): string {
  const end = presented.indexOf('?');
  return end < 0 ? presented : presented.slice(0, end);
}
