"""Read the dictionary in a file of CIFAR, which is a pickle, without executing anything.

The standard library's `pickletools` names the operations of a pickle one by one; here the few that build numbers,
strings, lists, tuples and dictionaries are carried out. What would import or call something is kept as a lifeless
`Call`, so the file can do nothing but be read.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MOST_OPERATIONS = 2_000_000  # the largest file of CIFAR has about 300,000


@dataclass
class Call:
    """What the pickle would have called: a name, arguments, and the state put into the result."""

    name: str
    arguments: Any = None
    state: Any = None


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memory: dict[int, Any] = field(default_factory=dict)

    def from_mark(self) -> list[Any]:
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items


def read_inert(path: Path) -> dict[str, Any]:
    """The dictionary in the file, byte strings as str (latin-1). Raises ValueError for anything else, OSError."""
    machine = _Machine()
    with path.open("rb") as file:
        for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
            if number > MOST_OPERATIONS:
                raise ValueError("it is longer than any file of CIFAR")
            if operation.name == "STOP":
                break
            try:
                _carry_out(machine, operation.name, argument)
            except (IndexError, KeyError, TypeError) as error:
                raise ValueError("its operations make no sense") from error
    if len(machine.stack) != 1 or not isinstance(machine.stack[0], dict):
        raise ValueError("it holds no dictionary")
    return machine.stack[0]


def _carry_out(machine: _Machine, name: str, argument: Any) -> None:
    stack = machine.stack
    if name in ("PROTO", "FRAME"):
        return
    if name == "MARK":
        machine.marks.append(len(stack))
    elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "NONE", "NEWTRUE", "NEWFALSE"):
        makers: dict[str, Any] = {
            "EMPTY_DICT": {},
            "EMPTY_LIST": [],
            "EMPTY_TUPLE": (),
            "NEWTRUE": True,
            "NEWFALSE": False,
        }
        stack.append(makers.get(name))
    elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
        machine.memory[int(argument)] = stack[-1]
    elif name == "MEMOIZE":
        machine.memory[len(machine.memory)] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET", "GET"):
        stack.append(machine.memory[int(argument)])
    elif name == "GLOBAL":
        stack.append(Call(str(argument)))
    elif name == "STACK_GLOBAL":
        attribute, module = stack.pop(), stack.pop()
        stack.append(Call(f"{module} {attribute}"))
    elif name == "REDUCE":
        arguments, called = stack.pop(), stack.pop()
        stack.append(Call(called.name if isinstance(called, Call) else "", arguments))
    elif name == "BUILD":
        state = stack.pop()
        if not isinstance(stack[-1], Call):
            raise TypeError
        stack[-1].state = state
    elif name in ("TUPLE", "LIST", "DICT"):
        items = machine.from_mark()
        stack.append(tuple(items) if name == "TUPLE" else items if name == "LIST" else _pairs(items))
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        size = int(name[-1])
        items = stack[-size:]
        del stack[-size:]
        stack.append(tuple(items))
    elif name == "APPEND":
        item = stack.pop()
        stack[-1].append(item)
    elif name == "APPENDS":
        items = machine.from_mark()
        stack[-1].extend(items)
    elif name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        stack[-1][_text(key)] = value
    elif name == "SETITEMS":
        items = machine.from_mark()
        stack[-1].update(_pairs(items))
    elif argument is not None:
        stack.append(argument)
    else:
        raise ValueError(f"it asks for the operation {name}")


def _pairs(items: list[Any]) -> dict[str, Any]:
    return {_text(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _text(key: Any) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)


def bytes_of_array(value: Any) -> np.ndarray:
    """The uint8 values of a NumPy array as the pickle describes it, flat. Raises ValueError for any other object."""
    state = value.state if isinstance(value, Call) else None
    raw = state[4] if isinstance(state, tuple) and len(state) == 5 else None
    if isinstance(raw, Call):  # Python 3 writes bytes in old protocols as a call of _codecs.encode(text, 'latin1')
        raw = raw.arguments[0] if isinstance(raw.arguments, tuple) and raw.arguments else None
    if isinstance(raw, str):
        raw = raw.encode("latin-1")
    if not isinstance(raw, bytes):
        raise ValueError("it holds no array of bytes")
    return np.frombuffer(raw, dtype=np.uint8)
