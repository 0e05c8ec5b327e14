// The harness of Binaryen's JavaScript API, in Node: a module and wasm-opt's flags in, the
// optimised module out. The API's options belong to the process, so that each module starts
// from the values that they had at first.
import { receive, rest, send } from "./pipes.mjs";

// What the library prints for the module at hand; it keeps the console's functions that it
// finds when it is loaded.
let said = "";
for (const name of ["log", "warn", "error"]) {
  const print = console[name].bind(console);
  console[name] = (...words) => {
    if (said.length < 4000) said += `${words.join(" ")}\n`;
    print(...words);
  };
}

const loaded = (await import(`${rest[0]}/package/index.js`)).default;
const binaryen = await loaded;
if (binaryen.ready !== undefined) await binaryen.ready;

// Options with a getter: what they were at first is what they are set to for each module.
const OPTIONS = [
  "DebugInfo", "TrapsNeverHappen", "ClosedWorld", "LowMemoryUnused", "ZeroFilledMemory",
  "FastMath", "GenerateStackIR", "OptimizeStackIR", "AlwaysInlineMaxSize",
  "FlexibleInlineMaxSize", "OneCallerInlineMaxSize", "AllowInliningFunctionsWithLoops",
];
const initial = new Map(
  OPTIONS.filter((name) => binaryen[`set${name}`] && binaryen[`get${name}`]).map((name) => [
    name,
    binaryen[`get${name}`](),
  ]),
);

const SWITCHES = {
  "-g": "DebugInfo",
  "--debuginfo": "DebugInfo",
  "-tnh": "TrapsNeverHappen",
  "--traps-never-happen": "TrapsNeverHappen",
  "-cw": "ClosedWorld",
  "--closed-world": "ClosedWorld",
  "-lmu": "LowMemoryUnused",
  "--low-memory-unused": "LowMemoryUnused",
  "-uim": "ZeroFilledMemory",
  "--zero-filled-memory": "ZeroFilledMemory",
  "-ffm": "FastMath",
  "--fast-math": "FastMath",
  "--generate-stack-ir": "GenerateStackIR",
  "--optimize-stack-ir": "OptimizeStackIR",
  "-ifwl": "AllowInliningFunctionsWithLoops",
  "--inline-functions-with-loops": "AllowInliningFunctionsWithLoops",
};

const NUMBERS = {
  "-aimfs": "AlwaysInlineMaxSize",
  "--always-inline-max-function-size": "AlwaysInlineMaxSize",
  "-fimfs": "FlexibleInlineMaxSize",
  "--flexible-inline-max-function-size": "FlexibleInlineMaxSize",
  "-ocimfs": "OneCallerInlineMaxSize",
  "--one-caller-inline-max-function-size": "OneCallerInlineMaxSize",
};

const LEVELS = {
  "-O": [2, 1], "-O0": [0, 0], "-O1": [1, 0], "-O2": [2, 0], "-O3": [3, 0], "-O4": [4, 0],
  "-Os": [2, 1], "-Oz": [2, 2],
};

const FEATURES = {
  threads: "Atomics", "mutable-globals": "MutableGlobals", simd: "SIMD128",
  "nontrapping-float-to-int": "NontrappingFPToInt", "bulk-memory": "BulkMemory",
  "bulk-memory-opt": "BulkMemoryOpt", "sign-ext": "SignExt", "tail-call": "TailCall",
  "exception-handling": "ExceptionHandling", "reference-types": "ReferenceTypes",
  multivalue: "Multivalue", gc: "GC", memory64: "Memory64", "relaxed-simd": "RelaxedSIMD",
  "typed-function-references": "TypedFunctionReferences", "extended-const": "ExtendedConst",
  "multimemory": "MultiMemory", strings: "Strings", "stack-switching": "StackSwitching",
  "shared-everything": "SharedEverything", fp16: "FP16",
  "call-indirect-overlong": "CallIndirectOverlong", "custom-page-sizes": "CustomPageSizes",
  "wide-arithmetic": "WideArithmetic", "relaxed-atomics": "RelaxedAtomics",
};

class NoPlace extends Error {}

function set(name, value) {
  if (binaryen[`set${name}`] === undefined) {
    throw new NoPlace(`this release's interface has no option ${name}`);
  }
  binaryen[`set${name}`](value);
}

function reset() {
  for (const [name, value] of initial) binaryen[`set${name}`](value);
  binaryen.setOptimizeLevel(0);
  binaryen.setShrinkLevel(0);
  binaryen.clearPassArguments?.();
  binaryen.clearPassesToSkip?.();
}

function passArgument(name, value) {
  if (binaryen.setPassArgument === undefined) {
    throw new NoPlace("this release's interface has no arguments of passes");
  }
  binaryen.setPassArgument(name, value);
}

function feature(name) {
  const known = binaryen.Features[FEATURES[name]];
  if (known === undefined) throw new NoPlace(`this release's interface has no feature ${name}`);
  return known;
}

/** Every feature that has a name here. `Features.All` has bits without one, such as custom
 * descriptors, whose exact types an optimised module is full of and which no engine reads. */
function everything() {
  return Object.values(FEATURES).reduce((all, name) => all | (binaryen.Features[name] ?? 0), 0);
}

/** Set the options that `flags` name; return the features and what to run, in order. */
function plan({ flags, standard }) {
  // What is on where no flag speaks of features, as far as the release knows it.
  let features = standard.reduce((all, name) => all | (binaryen.Features[FEATURES[name]] ?? 0), 0);
  const steps = [];
  let given; // levels that passes run at, without the passes of a level
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i];
    const [name, ...tail] = flag.split("=");
    const value = tail.join("=");
    if (flag in LEVELS) steps.push({ levels: LEVELS[flag] });
    else if (flag in SWITCHES) set(SWITCHES[flag], true);
    else if (name in NUMBERS) set(NUMBERS[name], Number(value || flags[++i]));
    else if (name === "--optimize-level" || name === "-ol")
      given = [Number(value || flags[++i]), given?.[1] ?? 0];
    else if (name === "--shrink-level" || name === "-s")
      given = [given?.[0] ?? 0, Number(value || flags[++i])];
    else if (flag === "-all" || flag === "--all-features") features = everything();
    else if (flag === "-mvp" || flag === "--mvp-features") features = 0;
    else if (flag.startsWith("--enable-")) features |= feature(flag.slice(9));
    else if (flag.startsWith("--disable-")) features &= ~feature(flag.slice(10));
    else if (name === "--pass-arg" || name === "-pa") {
      const [key, given] = (value || flags[++i]).split("@");
      passArgument(key, given ?? "1");
    } else if (name === "--skip-pass" || name === "-sp") {
      if (!binaryen.addPassToSkip) throw new NoPlace("this release skips no passes");
      for (const pass of (value || flags[++i]).split(",")) binaryen.addPassToSkip(pass);
    } else if (flag.startsWith("--") && flag.length > 2) {
      if (value) passArgument(name.slice(2), value);
      steps.push({ pass: name.slice(2), given });
    } else throw new NoPlace(`the interface has no flag ${flag}`);
  }
  return [features, steps];
}

function optimise(request, bytes) {
  reset();
  said = "";
  const [features, steps] = plan(request);
  const module = binaryen.readBinaryWithFeatures
    ? binaryen.readBinaryWithFeatures(bytes, features)
    : binaryen.readBinary(bytes, features); // which takes them from 132 on
  try {
    module.setFeatures(features);
    if (!module.validate()) return send({ kind: "rejected", message: "the input is not valid", said });
    const last = steps.findLast((step) => step.levels)?.levels;
    for (const [place, { levels, pass, given }] of steps.entries()) {
      const whole = request.function === null || (request.last && place < steps.length - 1);
      const [optimize, shrink] = levels ?? given ?? last ?? [0, 0];
      binaryen.setOptimizeLevel(optimize);
      binaryen.setShrinkLevel(shrink);
      if (levels) {
        // At level 0 the command line runs nothing.
        if (optimize > 0 || shrink > 0) {
          if (whole) module.optimize();
          else module.optimizeFunction(request.function);
        }
      } else if (whole) module.runPasses([pass]);
      else module.runPassesOnFunction(request.function, [pass]);
    }
    if (!module.validate()) return send({ kind: "invalid", message: "the output is not valid", said });
    send({ kind: "ok" }, Buffer.from(module.emitBinary()));
  } finally {
    module.dispose();
  }
}

/** Return an error's words; newer releases throw C++'s exceptions as they are. */
function wordsOf(error) {
  if (!(error instanceof Error) && binaryen.getExceptionMessage !== undefined) {
    try {
      return binaryen.getExceptionMessage(error).join(": ").slice(0, 4000);
    } catch {
      // It is something else: shown as it is.
    }
  }
  return String(error?.message ?? error?.stack ?? JSON.stringify(error)).slice(0, 4000);
}

send({ node: process.versions.node });
for (let next; (next = receive()) !== null; ) {
  try {
    optimise(...next);
  } catch (error) {
    const message = wordsOf(error);
    if (error instanceof NoPlace) {
      send({ kind: "no-place", message });
      continue;
    }
    // The library has stopped halfway: nothing more can be asked of it.
    send({ kind: "crash", message, said });
    process.exit(0);
  }
}
