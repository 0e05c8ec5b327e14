"""The host of SpiderMonkey, Firefox's engine, in the Python package pythonmonkey.

Run as `python -I -S spidermonkey_host.py IN OUT FOLDER VERSION OPTIONS`. Of the package its
extension module alone is loaded: what stands around it wants other packages, for things that
nobody needs here. JavaScript's border is crossed by `border.mjs`; text goes in and out.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plumbob.engines.workers import host
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # start-up
    import host

    sys.path[0] = sys.argv[3]
    package = types.ModuleType("pythonmonkey")
    package.__path__ = [os.path.join(sys.argv[3], "pythonmonkey")]  # noqa: PTH118  # start-up
    sys.modules["pythonmonkey"] = package
import pythonmonkey.pythonmonkey as spidermonkey

SCRIPT = """(function (collect, stress) {
%s
const { failure, instantiate, call } = border(collect, stress);
let module = null, instance = null;
const log = [];
function step(kind, act) {
  log.length = 0;
  let outcome;
  try {
    outcome = act();
  } catch (error) {
    outcome = failure(error, kind);
  }
  return JSON.stringify({ ...outcome, log });
}
return {
  compile: (bytes) => step("rejected", () => {
    module = new WebAssembly.Module(new Uint8Array(bytes));
    return { kind: "ok" };
  }),
  instantiate: (imports) => step("link", () => {
    instance = instantiate(module, JSON.parse(imports), log);
    return { kind: "ok" };
  }),
  call: (one) => step("error", () => ({ kind: "values", values: call(instance, JSON.parse(one)) })),
  close: () => { module = instance = null; },
};
})"""

OPTIONS = json.loads(sys.argv[5])
STRESS = ["gc", "stress"] in OPTIONS


def harness() -> Any:
    """Return the functions of the script."""
    border = os.path.join(os.path.dirname(host.__file__), "border.mjs")  # noqa: PTH118, PTH120  # start-up
    with open(border, encoding="utf-8") as stream:  # noqa: PTH123  # the same
        text = stream.read().replace("export function", "function")
    return spidermonkey.eval(SCRIPT % text)(spidermonkey.collect, STRESS)


class Program:
    """A module and its instance, which live in the engine."""

    def __init__(self, binary: bytes) -> None:
        self.log: list[Any] = []
        self.told(HARNESS.compile(bytearray(binary)))

    def told(self, text: str) -> dict[str, Any]:
        """Return a step's outcome; raises `Failed` where it is none of success."""
        data: dict[str, Any] = json.loads(text)
        self.log.extend(data["log"])
        if data["kind"] not in ("ok", "values"):
            raise host.Failed(data["kind"], data["message"])
        return data

    def instantiate(self, imports: list[dict[str, Any]], log: list[Any]) -> None:
        """Instantiate with stand-ins."""
        self.log = log
        self.told(HARNESS.instantiate(json.dumps(imports)))

    def call(self, export: str, args: list[str], results: list[str]) -> list[str]:
        """Call an export."""
        if STRESS:
            spidermonkey.collect()
        values: list[str] = self.told(HARNESS.call(json.dumps([export, args, results])))["values"]
        return values

    def close(self) -> None:
        """Let the instance go."""
        HARNESS.close()


def compile_module(binary: bytes, fuel: int | None) -> Program:  # noqa: ARG001  # it counts none
    """Compile; raises `Failed`."""
    return Program(binary)


HARNESS = harness()

if __name__ == "__main__":
    host.serve(host.descriptors(), {"version": sys.argv[4]}, compile_module)
