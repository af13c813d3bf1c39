"""Arrays as bare pointers within Numba kernels."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic
from numba.np import arrayobj


def _pointer(_context: Any, array: Any) -> Any:
    """Where an array's items are. Helpers take it in the place of the array, whose users would be
    counted by each of them; whoever makes it has to keep the array."""
    made: Any = types.CPointer(array.dtype)

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        held: Any = arrayobj.make_array(array)
        return held(context, builder, arguments[0]).data

    return made(array), build


pointer: Any = intrinsic(_pointer)
