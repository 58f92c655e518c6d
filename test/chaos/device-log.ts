/** The devices' own record of what Muster has accepted from them. It outlives a crash of the device. */
import { Device, type AcceptedReport, type DeviceCredentials } from '../../src/simulator/device';
import type { DevicePlan } from '../../src/simulator/plan';

export interface AcceptedOfThing extends AcceptedReport {
  thingName: string;
  heardAt: number;
}

export class LoggedFleet {
  /** Everything accepted, in the order in which the devices heard of it. */
  readonly accepted: AcceptedOfThing[] = [];
  private readonly devices: Device[];

  constructor(
    private readonly members: readonly { credentials: DeviceCredentials; plan: DevicePlan }[],
    private readonly broker: { url: string; topicPrefix: string },
  ) {
    this.devices = members.map((_, i) => this.create(i));
  }

  get size(): number {
    return this.devices.length;
  }

  get working(): number {
    return this.devices.filter((device) => device.working).length;
  }

  connect(): void {
    for (const device of this.devices) device.connect();
  }

  /** A device loses its power, and with it what it knew; it boots at once. */
  async crash(i: number): Promise<void> {
    const before = this.devices[i]!;
    before.crash();
    await before.stop();
    this.devices[i] = this.create(i);
    this.devices[i].connect();
  }

  async stop(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  private create(i: number): Device {
    const { credentials, plan } = this.members[i]!;
    const thingName = credentials.username;
    return new Device({
      ...this.broker,
      thingName,
      credentials,
      plan,
      answerTimeoutMs: 5_000,
      onAccepted: (report) => this.accepted.push({ thingName, heardAt: Date.now(), ...report }),
    });
  }
}
