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

/** Return `size` bytes, or null where the requests have ended. */
function read(size) {
  const bytes = Buffer.allocUnsafeSlow(size);
  let have = 0;
  while (have < size) {
    const count = fs.readSync(source, bytes, have, size - have, null);
    if (count === 0) return null;
    have += count;
  }
  return bytes;
}

/** Return the next request as [object, bytes], or null. */
export function receive() {
  const header = read(HEADER);
  if (header === null) return null;
  const text = read(header.readUInt32LE(0));
  const blob = read(header.readUInt32LE(4));
  return [JSON.parse(text.toString()), blob];
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

/** Keep an object for the next flush. */
export function hold(data) {
  held.push(encode(data, Buffer.alloc(0)));
}

/** Send what is held. */
export function flush() {
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
