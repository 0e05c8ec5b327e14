// Frames on two descriptors, for harnesses that run in Node, Deno or Bun; see framing.py.
import fs from "node:fs";

const HEADER = 8;

/** Return a descriptor that this runtime reads or writes: Deno numbers its own. */
function open(number, mode) {
  return globalThis.Deno === undefined ? number : fs.openSync(`/dev/fd/${number}`, mode);
}

const args = globalThis.Deno?.args ?? process.argv.slice(2);
const source = open(Number(args[0]), "r");
const target = open(Number(args[1]), "w");
export const rest = args.slice(2);

let buffer = Buffer.alloc(0);
const chunk = Buffer.allocUnsafeSlow(1 << 18);

/** Have at least `size` bytes in the buffer; return whether there are so many. */
function fill(size) {
  while (buffer.length < size) {
    flush();
    const count = fs.readSync(source, chunk, 0, chunk.length, null);
    if (count === 0) return false;
    buffer = Buffer.concat([buffer, chunk.subarray(0, count)]);
  }
  return true;
}

/** Return the next request as [object, bytes], or null. Held answers go before a wait. */
export function receive() {
  if (held.length > 0 && performance.now() - flushed > PATIENCE) flush();
  if (!fill(HEADER)) return null;
  const middle = HEADER + buffer.readUInt32LE(0);
  const end = middle + buffer.readUInt32LE(4);
  if (!fill(end)) return null;
  const request = [JSON.parse(buffer.toString("utf8", HEADER, middle)), buffer.subarray(middle, end)];
  buffer = buffer.subarray(end);
  return request;
}

/** Return an object as a frame, with bytes beside it. */
function encode(data, blob) {
  const text = Buffer.from(JSON.stringify(data));
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(text.length, 0);
  header.writeUInt32LE(blob.length, 4);
  return Buffer.concat([header, text, blob]);
}

let held = [];
let flushed = 0;
const PATIENCE = 20; // milliseconds for which an answer is held back

/** Keep an object for the next flush. */
export function hold(data) {
  held.push(encode(data, Buffer.alloc(0)));
}

/** Send what is held. */
export function flush() {
  flushed = performance.now();
  if (held.length === 0) return;
  const bytes = Buffer.concat(held);
  held = [];
  for (let sent = 0; sent < bytes.length; ) {
    sent += fs.writeSync(target, bytes, sent, bytes.length - sent);
  }
}

/** Send an object, with bytes beside it. */
export function send(data, blob = Buffer.alloc(0)) {
  held.push(encode(data, blob));
  flush();
}
