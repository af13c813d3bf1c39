"""Structs that several threads are the first to decode at once."""

from __future__ import annotations

import subprocess
import sys

from tianmu.facts import shapes
from tianmu.web.app import create_app

RACE = """
import sys, threading, types
import msgspec
from tianmu.facts import shapes

source = "from __future__ import annotations\\nimport msgspec\\n"
for n in range(120):
    source += f"class In{n}(msgspec.Struct):\\n    x: int\\n    z: list[int] = []\\n"
    source += f"class Out{n}(msgspec.Struct):\\n    a: int\\n    b: list[In{n}] = []\\n"
module = sys.modules["tianmu.tried"] = types.ModuleType("tianmu.tried")
exec(source, module.__dict__)
assert shapes.learn() >= 240
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)

def work():
    for n in range(120):
        together.wait()
        msgspec.convert({"a": 1, "b": [{"x": 1}]}, getattr(module, f"Out{n}"))

threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print("whole")
"""


def test_threads_that_are_first_at_once_do_not_end_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RACE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_all_of_ours_are_learnt() -> None:
    assert create_app is not None, "the API's structs are imported"
    assert shapes.learn() > 300
    assert shapes.learn() == shapes.learn()
