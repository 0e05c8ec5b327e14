// What crosses the border of JavaScript, and how: the same in every engine that has one.
// Numbers travel as bits. What the border does not carry (v128, exnref) is "unsupported"; the
// bits of a NaN may change on the way. It is read as a script too, by engines without modules:
// so it imports nothing, and exports one function.

/**
 * Return what instantiates and calls. `collect` runs the collector: in functions that are for
 * that, and with `stress` in every function that stands in for an import.
 */
export function border(collect, stress) {
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
    if (/too much recursion/.test(message)) return { kind: "trap", message };
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
  function instantiate(module, described, log) {
    const imports = {};
    let instance = null; // until it has started, nobody is called back
    const callBack = (one) => (instance === null ? null : call(instance, one));
    described.forEach((item, place) => {
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

  return { failure, instantiate, call };
}
