/**
 * Follows the frames of an MQTT connection from their length fields, so that a packet that is too large is known
 * before it is buffered: aedes collects any packet whole, up to MQTT's 256 MB.
 */
export class PacketSizeGuard {
  #limit: number;
  /** Bytes of the current packet that are still to come. */
  #remaining = 0;
  #readingLength = false;
  #length = 0;
  #weight = 1;

  /**
   * @param limit of every packet, in bytes after its length field
   * @param firstLimit of the first packet, before anybody has proved who it is
   */
  constructor(
    private readonly limit: number,
    firstLimit: number,
  ) {
    this.#limit = firstLimit;
  }

  /** @returns false for the first chunk that announces a packet over the limit, or one of no valid length. */
  accepts(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const step = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= step;
        at += step;
      } else if (!this.#readingLength) {
        this.#startLength();
        at += 1;
      } else if (!this.#readLength(chunk[at++] ?? 0)) {
        return false;
      }
    }
    return true;
  }

  #startLength(): void {
    this.#readingLength = true;
    this.#length = 0;
    this.#weight = 1;
  }

  /** One byte of the length: seven bits of it, lowest first, the eighth says that more follow; four at most. */
  #readLength(byte: number): boolean {
    this.#length += (byte & 0x7f) * this.#weight;
    this.#weight *= 0x80;
    const more = (byte & 0x80) !== 0;
    if (this.#length > this.#limit || (more && this.#weight > 0x80 ** 3)) return false;
    if (!more) {
      this.#readingLength = false;
      this.#remaining = this.#length;
      this.#limit = this.limit;
    }
    return true;
  }
}
