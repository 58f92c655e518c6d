/** Who was in which group, as far as the operator can know: a change takes place between its request and its answer. */

/** A time in which something took place, in ms. */
export interface Span {
  from: number;
  to: number;
}

interface Change extends Span {
  joined: boolean;
}

export class Membership {
  private readonly changes = new Map<string, Change[]>();

  /** Names that were in the group already, or not, are no change. */
  note(groupName: string, change: { add: readonly string[]; remove: readonly string[] }, span: Span): void {
    for (const name of change.add) this.append(groupName, name, { ...span, joined: true });
    for (const name of change.remove) this.append(groupName, name, { ...span, joined: false });
  }

  /** Those that are in the group after all that was noted. */
  membersOf(groupName: string): string[] {
    const suffix = ` ${groupName}`;
    return [...this.changes]
      .filter(([key, changes]) => key.endsWith(suffix) && changes.at(-1)!.joined)
      .map(([key]) => key.slice(0, -suffix.length));
  }

  /** The changes of one thing, oldest first: in, out, in, … */
  of(groupName: string, thingName: string): readonly Change[] {
    return this.changes.get(`${thingName} ${groupName}`) ?? [];
  }

  private append(groupName: string, thingName: string, change: Change): void {
    const changes = this.of(groupName, thingName);
    if ((changes.at(-1)?.joined ?? false) === change.joined) return;
    this.changes.set(`${thingName} ${groupName}`, [...changes, change]);
  }
}
