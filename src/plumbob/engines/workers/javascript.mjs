// The harness of V8 (Deno, Node) and JavaScriptCore (Bun): modules in, one frame a step out.
// Frames go at once where the request asks for it, else all together. Numbers travel as
// bits. What JavaScript's border does not carry (v128, exnref) is "unsupported"; the bits of a
// NaN may change on the way.
import process from "node:process";
import { hold, receive, rest, send } from "./pipes.mjs";

const word = (name) => rest.find((one) => one.split("=")[0] === name);
const stress = word("stress") !== undefined; // whether whoever is called collects
const warmups = Number(word("warm")?.split("=")[1] ?? 0); // calls before the one that counts

/** Run the collector, where the engine lets us. */
const collect = globalThis.gc ?? (() => globalThis.Bun?.gc(true));

const scratch = new DataView(new ArrayBuffer(8));

function fromWire(text) {
  const [type, rest] = text.split(":");
  switch (type) {
    case "i32":
      return parseInt(rest, 16) | 0;
    case "i64":
      return BigInt.asIntN(64, BigInt("0x" + rest));
    case "f32":
      scratch.setUint32(0, parseInt(rest, 16));
      return scratch.getFloat32(0);
    case "f64":
      scratch.setBigUint64(0, BigInt("0x" + rest));
      return scratch.getFloat64(0);
  }
  if (rest === "null" && type !== "v128") return null;
  throw new Unsupported(`no value ${text}`);
}

function toWire(type, value) {
  switch (type) {
    case "i32":
      return `i32:${(value >>> 0).toString(16)}`;
    case "i64":
      return `i64:${BigInt.asUintN(64, value).toString(16)}`;
    case "f32":
      scratch.setFloat32(0, value);
      return `f32:${scratch.getUint32(0).toString(16)}`;
    case "f64":
      scratch.setFloat64(0, value);
      return `f64:${scratch.getBigUint64(0).toString(16)}`;
    case "v128":
      throw new Unsupported("v128 cannot be returned");
  }
  return `${type}:${value === null ? "null" : "some"}`;
}

class Unsupported extends Error {}

/** Return the outcome that an error stands for; `kind` is what an unknown one is called. */
function failure(error, kind) {
  // JavaScriptCore adds the line of this file that made the call.
  const message = String(error?.message ?? error).replace(/ \(evaluating '.*/s, "").slice(0, 4000);
  if (error instanceof Unsupported) return { kind: "unsupported", message };
  if (error instanceof WebAssembly.RuntimeError) return { kind: "trap", message };
  if (WebAssembly.Exception !== undefined && error instanceof WebAssembly.Exception) {
    return { kind: "exception", message: "a WebAssembly exception" };
  }
  if (error instanceof RangeError && /call stack/.test(message)) return { kind: "trap", message };
  return { kind, message };
}

const addresses = { i32: Number, i64: BigInt };

/** Return limits as constructors take them. */
function limits(item) {
  const convert = addresses[item.address];
  const description = { initial: convert(item.minimum) };
  if (item.maximum !== null) description.maximum = convert(item.maximum);
  if (item.address === "i64") description.address = "i64";
  return description;
}

const heapTypes = { funcref: "anyfunc", externref: "externref" };

/** Return what stands in for an import; `callBack` calls an export. */
function standIn(item, place, log, callBack) {
  switch (item.kind) {
    case "func": {
      let calls = 0;
      return (...given) => {
        const turn = calls++;
        if (item.logged) log.push([place, item.params.map((type, i) => toWire(type, given[i]))]);
        if (item.collects || stress) collect();
        for (const [when, name, args, results] of item.callbacks) {
          if (when !== turn) continue;
          const back = callBack([name, args, results]);
          if (back !== null) log.push([place, back, name]);
        }
        const values = item.returns[turn % item.returns.length].map(fromWire);
        return values.length === 0 ? undefined : values.length === 1 ? values[0] : values;
      };
    }
    case "global": {
      const value = heapTypes[item.type] ?? item.type;
      return new WebAssembly.Global({ value, mutable: item.mutable }, fromWire(item.value));
    }
    case "memory":
      return new WebAssembly.Memory(
        item.shared ? { ...limits(item), shared: true } : limits(item),
      );
    case "table": {
      const element = heapTypes[item.element];
      if (element === undefined) throw new Unsupported(`no table of ${item.element} is made`);
      return new WebAssembly.Table({ ...limits(item), element }, null);
    }
    case "tag":
      return new WebAssembly.Tag({ parameters: item.params });
  }
  throw new Unsupported(`no stand-in for a ${item.kind}`);
}

/** Return an instance with stand-ins that write to `log`. */
function instantiate(module, request, log) {
  const imports = {};
  let instance = null; // until it has started, nobody is called back
  const callBack = (one) => (instance === null ? null : call(instance, one));
  request.imports.forEach((item, place) => {
    imports[item.module] ??= Object.create(null);
    imports[item.module][item.name] = standIn(item, place, log, callBack);
  });
  instance = new WebAssembly.Instance(module, imports);
  return instance;
}

/** Call an export and return its results. */
function call(instance, [name, args, results]) {
  const target = instance.exports[name];
  if (typeof target !== "function") throw new Unsupported(`no function ${name} is exported`);
  const back = target(...args.map(fromWire));
  const values = results.length === 0 ? [] : results.length === 1 ? [back] : back;
  return results.map((type, i) => toWire(type, values[i]));
}

/** Return an instance whose calls have the code compiled, for the one that counts. */
function warmInstance(module, request) {
  try {
    return instantiate(module, request, []);
  } catch {
    return null; // the instance that counts fails as well
  }
}

/** Make a call for the sake of its compilation, which what a module makes shares. */
function warmUp(instance, one) {
  try {
    for (let i = 0; i < warmups; i++) call(instance, one);
  } catch {
    return; // a trap is as good as a result here, but its place is in the call that counts
  }
}

function run(request, bytes) {
  if (request.stream) {
    perform(request, bytes, (step) => {
      send({ steps: [step] });
      if (request.paced) receive(); // the leave to go on
    });
    return;
  }
  const steps = [];
  // The log is emptied before each step, so that a step to be kept has a copy.
  perform(request, bytes, (step) => steps.push(step.log ? { ...step, log: [...step.log] } : step));
  hold({ steps });
}

function perform(request, bytes, report) {
  let module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (error) {
    report(failure(error, "rejected"));
    return;
  }
  report({ kind: "ok" });
  const warm = warmups > 0 ? warmInstance(module, request) : null;
  const log = [];
  let instance;
  try {
    instance = instantiate(module, request, log);
  } catch (error) {
    report({ ...failure(error, "link"), log });
    return;
  }
  report(log.length === 0 ? { kind: "ok" } : { kind: "ok", log });
  for (const one of request.calls) {
    if (warm !== null) warmUp(warm, one);
    if (stress) collect();
    log.length = 0;
    let outcome;
    try {
      outcome = { kind: "values", values: call(instance, one) };
    } catch (error) {
      outcome = failure(error, "error");
    }
    report(log.length === 0 ? outcome : { ...outcome, log });
  }
}

// What the engine is: its release, and those of the compilers inside.
const { deno, bun, node, v8, webkit } = { ...process.versions, ...globalThis.Deno?.version };
send({ version: deno ?? bun ?? node, ...(webkit === undefined ? { v8 } : { webkit }) });
for (let next; (next = receive()) !== null; ) run(...next);
