/**
 * Looks at what a client sends before aedes does, for what that can't tell: a packet that is too large, before it is
 * collected (aedes collects any up to MQTT's 256 MB), and what MQTT forbids and aedes' parser lets pass.
 */
import { isUtf8 } from 'node:buffer';

/** What is to be done with a client after its latest bytes. */
export type Verdict =
  /** Nothing is wrong so far. */
  | 'fine'
  /** The packet is over the limit. */
  | 'too large'
  /** Against the protocol: the connection has to be closed. */
  | 'malformed'
  /** A version of MQTT that there is not. */
  | 'unknown version';

export interface PacketLimits {
  /** Of a PUBLISH, in bytes after its length field. */
  publish: number;
  /** Of every other packet, and of the first one, which comes before anybody has proved who it is. */
  other: number;
}

const CONNECT = 1;
const PUBLISH = 3;
const PUBREL = 6;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const ACKNOWLEDGEMENTS = [4, 5, PUBREL, 7];

const MQTT_5 = 5;
/** 3.1 had another name. */
const VERSIONS = new Map([
  ['MQTT', [4, MQTT_5]],
  ['MQIsdp', [3]],
]);

/** Follows the packets of one connection. */
export class PacketGuard {
  #first?: number;
  #length = 0;
  #weight = 1;
  #hasLength = false;
  /** Bytes of the current packet that are still to come. */
  #remaining = 0;
  /** The beginning of the current packet, as far as it is looked at. */
  #head: Uint8Array[] = [];
  #headLength = 0;
  #isChecked = false;
  #isConnected = false;
  #version = 4;

  constructor(private readonly limits: PacketLimits) {}

  /** Takes the next bytes of the connection; after anything but `fine` no more. */
  look(chunk: Uint8Array): Verdict {
    let at = 0;
    while (at < chunk.length) {
      if (this.#first === undefined) {
        this.#first = chunk[at++];
        continue;
      }
      if (!this.#hasLength) {
        const verdict = this.#readLength(chunk[at++] ?? 0);
        if (verdict !== 'fine') return verdict;
      } else {
        const step = Math.min(this.#remaining, chunk.length - at);
        if (!this.#isChecked) this.#keep(chunk.subarray(at, at + step));
        this.#remaining -= step;
        at += step;
      }
      const verdict = this.#check();
      if (verdict !== 'fine') return verdict;
      if (this.#hasLength && this.#remaining === 0) this.#startPacket();
    }
    return 'fine';
  }

  /** One byte of the length: seven bits of it, lowest first, the eighth says that more follow; four at most. */
  #readLength(byte: number): Verdict {
    this.#length += (byte & 0x7f) * this.#weight;
    this.#weight *= 0x80;
    const more = (byte & 0x80) !== 0;
    const limit = this.#isConnected && this.#type() === PUBLISH ? this.limits.publish : this.limits.other;
    if (this.#length > limit) return 'too large';
    if (more && this.#weight > 0x80 ** 3) return 'malformed';
    this.#hasLength = !more;
    this.#remaining = this.#length;
    return 'fine';
  }

  #startPacket(): void {
    this.#first = undefined;
    this.#length = 0;
    this.#weight = 1;
    this.#hasLength = false;
    this.#head = [];
    this.#headLength = 0;
    this.#isChecked = false;
    this.#isConnected = true;
  }

  #keep(bytes: Uint8Array): void {
    this.#head.push(bytes);
    this.#headLength += bytes.length;
  }

  /** As soon as all that is looked at is there. */
  #check(): Verdict {
    if (this.#isChecked || !this.#hasLength) return 'fine';
    if (this.#remaining > 0 && !this.#hasTopicAndId()) return 'fine';
    this.#isChecked = true;
    const head = Buffer.concat(this.#head);
    this.#head = [];
    if (this.#type() === CONNECT) this.#version = versionIn(head);
    return verdictOn(this.#first ?? 0, new Fields(head), this.#version);
  }

  #hasTopicAndId(): boolean {
    if (this.#type() !== PUBLISH || this.#headLength < 2) return false;
    const [first = new Uint8Array()] = this.#head;
    if (first.length < 2) this.#head = [Buffer.concat(this.#head)];
    const topicLength = (this.#head[0]?.[0] ?? 0) * 0x100 + (this.#head[0]?.[1] ?? 0);
    return this.#headLength >= 2 + topicLength + 2;
  }

  #type(): number {
    return (this.#first ?? 0) >> 4;
  }
}

/** What ends too early is left to the parser: it closes the connection as well. */
function verdictOn(first: number, fields: Fields, version: number): Verdict {
  const type = first >> 4;
  if (type === CONNECT) return verdictOnConnect(fields);
  const isRight =
    type === PUBLISH
      ? isPublish(first & 0x0f, fields)
      : type === SUBSCRIBE || type === UNSUBSCRIBE
        ? isSubscription(type, fields, version)
        : !ACKNOWLEDGEMENTS.includes(type) || fields.id();
  return isRight ? 'fine' : 'malformed';
}

function verdictOnConnect(fields: Fields): Verdict {
  const name = fields.text();
  const version = fields.byte();
  if (name === undefined) return 'malformed';
  const versions = VERSIONS.get(name);
  if (versions !== undefined && !versions.includes(version)) return 'unknown version';
  const flags = fields.byte();
  const [hasName, hasWill, willQos] = [flags & 0x80, flags & 0x04, (flags >> 3) & 3];
  if (willQos === 3) return 'malformed';
  fields.skip(2);
  if (version === MQTT_5) fields.skipProperties();
  const texts = [fields.text()];
  if (hasWill) {
    if (version === MQTT_5) fields.skipProperties();
    texts.push(fields.text());
    fields.bytes();
  }
  if (hasName) texts.push(fields.text());
  return texts.includes(undefined) ? 'malformed' : 'fine';
}

/** MQTT 3.1.1: 1.5.3, 2.3.1, 3.3.1 */
function isPublish(flags: number, fields: Fields): boolean {
  const qos = (flags >> 1) & 3;
  const isDup = (flags & 8) !== 0;
  if (fields.text() === undefined || (qos === 0 && isDup)) return false;
  return qos === 0 || fields.id();
}

/** MQTT 3.1.1: 1.5.3, 2.3.1, 3.8.3, 3.10.3 */
function isSubscription(type: number, fields: Fields, version: number): boolean {
  if (!fields.id()) return false;
  if (version === MQTT_5) fields.skipProperties();
  if (fields.isAtEnd()) return false;
  while (!fields.isAtEnd()) {
    if (fields.text() === undefined) return false;
    if (type === SUBSCRIBE) fields.byte();
  }
  return true;
}

function versionIn(connect: Buffer): number {
  const fields = new Fields(connect);
  fields.text();
  return fields.byte();
}

/** Reads the fields of a packet one after the other; behind its end it finds zeros and empty texts. */
class Fields {
  #at = 0;

  constructor(private readonly packet: Buffer) {}

  isAtEnd(): boolean {
    return this.#at >= this.packet.length;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  byte(): number {
    return this.packet[this.#at++] ?? 0;
  }

  /** @returns false where there is one and it is zero */
  id(): boolean {
    const isThere = this.#at + 2 <= this.packet.length;
    return this.#number() !== 0 || !isThere;
  }

  bytes(): Buffer {
    const length = this.#number();
    this.#at += length;
    return this.packet.subarray(this.#at - length, this.#at);
  }

  /** @returns undefined for bytes that are not UTF-8, or hold U+0000 */
  text(): string | undefined {
    const bytes = this.bytes();
    return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : undefined;
  }

  skipProperties(): void {
    let length = 0;
    let weight = 1;
    let byte: number;
    do {
      byte = this.byte();
      length += (byte & 0x7f) * weight;
      weight *= 0x80;
    } while ((byte & 0x80) !== 0 && weight <= 0x80 ** 3);
    this.#at += length;
  }

  #number(): number {
    return this.byte() * 0x100 + this.byte();
  }
}
