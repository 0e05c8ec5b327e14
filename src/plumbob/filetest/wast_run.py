"""The stage `run`: every command of a script, executed by the interpreter.

Modules are validated and instantiated, actions are run, and results, messages of traps and
of link errors are compared: a message must begin with the expected text. Every function
that is translated on the way must pass the verifier. A script has a store of its own, and
each `thread` one more; they share memories alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from plumbob.errors import InputError
from plumbob.exec.interp.outcome import GuestException
from plumbob.exec.interp.wasm_engine import Engine
from plumbob.filetest.wast_run_spectest import spectest
from plumbob.filetest.wast_run_values import HostObjects, argument, fits, mismatch
from plumbob.filetest.wast_validate import EXPECTED, ValidateStage
from plumbob.frontend import ModuleEnvironment
from plumbob.ir.verifier import require_valid
from plumbob.runtime.instance import Instance
from plumbob.runtime.limits import LimitError
from plumbob.runtime.linking import LinkError
from plumbob.runtime.references import FuncRef
from plumbob.runtime.store import Store
from plumbob.runtime.table import Global
from plumbob.runtime.traps import GuestTrap, describe
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.text.script import (
    AssertAction,
    AssertInstance,
    AssertModule,
    AssertReturn,
    BinaryModule,
    Get,
    InstanceCommand,
    Invoke,
    ModuleCommand,
    Register,
    Thread,
    Wait,
)
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plumbob.exec.interp.machine import Mode
    from plumbob.wasm.module import Import, Module
    from plumbob.wasm.text.script import Action, Command, ModuleSource
    from plumbob.wasm.types import ValType


class _Failure(Exception):  # noqa: N818  # a verdict, not an error of ours
    """A command failed; the text says why."""


class RunStage:
    """Executes the commands of one script, in order."""

    def __init__(self, features: int, dead_code: str, *, mode: Mode = "source") -> None:
        self.features = features
        self.dead_code = dead_code
        self.mode: Mode = mode
        self.validation = ValidateStage(features, dead_code)
        self.store = Store(lambda store: Engine(store, mode=mode, verify=require_valid))
        self.objects = HostObjects()
        self.registered: dict[str, Mapping[str, Any]] = {"spectest": spectest(self.store)}
        self.definitions: dict[str | None, ModuleEnvironment] = {}
        self.instances: dict[str, Instance] = {}
        self.last: Instance | None = None
        self.threads: dict[str, _ScriptThread] = {}

    def counts(self, command: Command) -> bool:  # noqa: ARG002  # the protocol of stages
        """Return that every command is judged."""
        return True

    def judge(self, command: Command) -> str | None:
        """Execute a command; return None where it passed, the reason where it failed."""
        try:
            self._execute(command)
        except _Failure as failure:
            return str(failure)
        except GuestTrap as trap:
            return f"trap: {describe(trap)}{_place(trap)}"
        except GuestException:
            return "an exception that nobody catches"
        except (InputError, LimitError) as error:
            return str(error)
        return None

    def _execute(self, command: Command) -> None:
        match command:
            case ModuleCommand():
                self._module(command)
            case InstanceCommand(_, identifier, module):
                self._name(identifier, self.instantiate(self._definition(module)))
            case Register(_, name, module):
                self.registered[name] = self._instance(module).exports
            case AssertReturn(_, action, results):
                found = self._perform(action)
                reason = mismatch(found, self._types(action), results)
                if reason is not None:
                    raise _Failure(reason)
            case AssertAction():
                self._assert_action(command)
            case AssertModule():
                self._assert_module(command)
            case AssertInstance(_, kind, _, module, message):
                self._assert_fails(self._definition(module), kind, message)
            case Thread(_, identifier, _, _):
                self.threads[identifier] = _ScriptThread(self, command)
            case Wait(_, identifier):
                self._wait(identifier)
            case _:
                self._perform(command)

    # Modules

    def _module(self, command: ModuleCommand) -> None:
        environment = self._prepare(command.source)
        self.definitions[command.identifier] = self.definitions[None] = environment
        if not command.definition:
            self._name(command.identifier, self.instantiate(environment))

    def _prepare(self, source: ModuleSource) -> ModuleEnvironment:
        module: Module
        if isinstance(source, BinaryModule):
            module = decode(
                source.data, source.name, features=self.features,
                allow_unreachable_type=self.validation.typed,
            )  # fmt: skip
        else:
            module = source.parse(self.features, allow_unreachable_type=self.validation.typed)
        report = validate(module, features=self.features, dead_code=self.dead_code)
        if not report.ok:
            raise _Failure(f"{report.verdict}: {report.diagnostics[0].message}")
        return ModuleEnvironment(module)

    def instantiate(self, environment: ModuleEnvironment) -> Instance:
        """Instantiate a module with what is registered; raises what instantiation does."""
        instance = Instance(self.store, environment, self._provide)
        instance.start()
        return instance

    def _provide(self, item: Import, _instance: Instance) -> object | None:
        return self.registered.get(item.module, {}).get(item.name)

    def _name(self, identifier: str | None, instance: Instance) -> None:
        self.last = instance
        if identifier is not None:
            self.instances[identifier] = instance

    def _instance(self, identifier: str | None) -> Instance:
        found = self.last if identifier is None else self.instances.get(identifier)
        if found is None:
            raise _Failure(f"there is no instance {identifier or ''}".rstrip())
        return found

    # Actions

    def _perform(self, action: Action | Command) -> tuple[Any, ...]:
        assert isinstance(action, (Invoke, Get))  # noqa: S101  # all others are told apart before
        exports = self._instance(action.module).exports
        found = exports.get(action.name)
        if isinstance(action, Get):
            if not isinstance(found, Global):
                raise _Failure(f"there is no global {action.name!r}")
            return (found.value,)
        if not isinstance(found, FuncRef):
            raise _Failure(f"there is no function {action.name!r}")
        signature = found.signature
        arguments = [argument(value, self.objects) for value in action.arguments]
        if len(arguments) != len(signature.params):
            count = len(signature.params)
            raise _Failure(f"{action.name!r} takes {count} argument{'s' * (count != 1)}")
        items = zip(action.arguments, signature.params, arguments, strict=True)
        for place, (value, type_, given) in enumerate(items, 1):
            if not fits(value, type_, given, self.store.registry):
                raise _Failure(f"argument {place} of {action.name!r} is not of type {type_}")
        return self.store.executor.invoke(found, arguments)

    def _types(self, action: Action) -> Sequence[ValType]:
        """Return the types of the results of an action that was performed."""
        found = self._instance(action.module).exports[action.name]
        if isinstance(found, Global):
            return (found.type.type,)
        assert isinstance(found, FuncRef)  # noqa: S101  # nothing else was performed
        return found.signature.results

    def _assert_action(self, command: AssertAction) -> None:
        try:
            results = self._perform(command.action)
        except GuestTrap as trap:
            if command.kind == "assert_exception":
                raise _Failure(f"expected an exception, found trap: {describe(trap)}") from None
            _require_message(describe(trap), command.message)
        except GuestException:
            if command.kind != "assert_exception":
                raise _Failure(f"expected {command.message}, found an exception") from None
        else:
            wanted = command.message or "an exception"
            raise _Failure(f"expected {wanted}, found results {results}")

    def _assert_module(self, command: AssertModule) -> None:
        if command.kind in EXPECTED:
            reason = self.validation.judge(command)
            if reason is not None:
                raise _Failure(reason)
            return
        self._assert_fails(self._prepare(command.source), command.kind, command.message)

    def _assert_fails(self, environment: ModuleEnvironment, kind: str, message: str) -> None:
        """Require that instantiating a module fails, in the way that a command's keyword says."""
        found = "an instance"
        try:
            self.instantiate(environment)
        except (LinkError, LimitError) as error:
            found = str(error) if kind == "assert_unlinkable" else f"link error: {error}"
        except GuestTrap as trap:
            found = describe(trap) if kind == "assert_trap" else f"trap: {describe(trap)}"
        _require_message(found, message)

    def _definition(self, module: str | None) -> ModuleEnvironment:
        if module not in self.definitions:
            raise _Failure(f"there is no module {module or ''}".rstrip())
        return self.definitions[module]

    # Threads

    def _wait(self, identifier: str) -> None:
        thread = self.threads.pop(identifier, None)
        if thread is None:
            raise _Failure(f"there is no thread {identifier}")
        reasons = thread.finish()
        if reasons:
            raise _Failure("; ".join(reasons))


class _ScriptThread:
    """A script's thread: a stage of its own that shares the instances it is given."""

    def __init__(self, parent: RunStage, command: Thread) -> None:
        self.stage = RunStage(parent.features, parent.dead_code, mode=parent.mode)
        for identifier in command.shared:
            self.stage.instances[identifier] = parent._instance(identifier)  # noqa: SLF001  # a part of it
        self.commands = command.commands
        self.reasons: list[str] = []
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=command.identifier, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for command in self.commands:
                reason = self.stage.judge(command)
                if reason is not None:
                    self.reasons.append(f"line {command.line}: {reason}")
        except BaseException as failure:  # noqa: BLE001  # whoever waits for the thread gets it
            self.failure = failure

    def finish(self) -> list[str]:
        """Wait for the thread's end; returns why commands failed, or raises what ended it."""
        self.thread.join()
        if self.failure is not None:
            raise self.failure
        return self.reasons


def _require_message(found: str, expected: str) -> None:
    if not found.startswith(expected):
        raise _Failure(f"expected {expected!r}, found {found!r}")


def _place(trap: GuestTrap) -> str:
    return f" at {trap.stack[0]}" if trap.stack else ""
