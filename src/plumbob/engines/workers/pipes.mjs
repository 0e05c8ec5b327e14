// Frames on two descriptors, for harnesses that run in Node, Deno or Bun; see framing.py.
import fs from "node:fs";
import process from "node:process";

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
  if (length > 0 && performance.now() - flushed > PATIENCE) flush();
  if (!fill(HEADER)) return null;
  const middle = HEADER + buffer.readUInt32LE(0);
  const end = middle + buffer.readUInt32LE(4);
  if (!fill(end)) return null;
  const request = [JSON.parse(buffer.toString("utf8", HEADER, middle)), buffer.subarray(middle, end)];
  buffer = buffer.subarray(end);
  return request;
}

let held = Buffer.allocUnsafeSlow(1 << 16);
let length = 0; // bytes of `held` that wait to be sent
let flushed = 0;
const PATIENCE = 3; // milliseconds for which an answer is held back
const encoder = new TextEncoder();

/** Keep an object for the next flush, with bytes beside it. */
export function hold(data, blob = null) {
  const text = JSON.stringify(data);
  const blobLength = blob === null ? 0 : blob.length;
  const most = length + HEADER + text.length * 3 + blobLength;
  if (most > held.length) {
    const wider = Buffer.allocUnsafeSlow(most * 2);
    wider.set(held.subarray(0, length));
    held = wider;
  }
  const start = length + HEADER;
  const { written } = encoder.encodeInto(text, held.subarray(start));
  held.writeUInt32LE(written, length);
  held.writeUInt32LE(blobLength, length + 4);
  if (blob !== null) held.set(blob, start + written);
  length = start + written + blobLength;
}

/** Send what is held. */
export function flush() {
  flushed = performance.now();
  for (let sent = 0; sent < length; ) {
    sent += fs.writeSync(target, held, sent, length - sent);
  }
  length = 0;
}

/** Send an object, with bytes beside it. */
export function send(data, blob = null) {
  hold(data, blob);
  flush();
}
