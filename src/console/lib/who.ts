/** Who did it, in words. `by` is what stands in a transition: `device`, `timer`, `membership` or `key:{key}`. */
export function who(by: string): string {
  const [kind, name] = by.split(/:(.*)/s);
  switch (kind) {
    case 'device':
    case 'thing':
      return 'the device';
    case 'timer':
      return 'a timeout';
    case 'membership':
      return 'a change of the group';
    case 'muster':
      return 'Muster';
    case 'key':
      return `the key ${name}`;
    default:
      return by;
  }
}
