// The harness of V8 (Deno, Node) and JavaScriptCore (Bun): modules in, one frame a step out.
// Frames go at once where the request asks for it, else all together. What crosses the border
// of JavaScript, and how, is in border.mjs.
import process from "node:process";
import { border } from "./border.mjs";
import { hold, receive, rest, send } from "./pipes.mjs";

const word = (name) => rest.find((one) => one.split("=")[0] === name);
const stress = word("stress") !== undefined; // whether whoever is called collects
const warmups = Number(word("warm")?.split("=")[1] ?? 0); // calls before the one that counts

/** Run the collector, where the engine lets us. */
const collect = globalThis.gc ?? (() => globalThis.Bun?.gc(true));
const { failure, instantiate, call } = border(collect, stress);

/** Return an instance whose calls have the code compiled, for the one that counts. */
function warmInstance(module, request) {
  try {
    return instantiate(module, request.imports, []);
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
    instance = instantiate(module, request.imports, log);
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
