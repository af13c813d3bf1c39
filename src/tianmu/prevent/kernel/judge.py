"""Running an expression's stack code on what live holds (see ``expression``)."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.kernel.program import BAD, MAINTENANCE, TESTING


@njit(cache=True)
def judge(k, first, t, programs, live, stack):
    """Run an expression: 1.0, 0.0 or NaN (unknown), and whether a test reading was in it."""
    code, argument = programs.code, programs.argument
    values, times, _, qualities, counts = live
    top = -1
    test = False
    oldest = programs.mask[k]
    for i in range(programs.lo[k], programs.hi[k]):
        op = code[i]
        x = argument[i]
        if op == 0:
            top += 1
            stack[top] = x
        elif op == 1:
            top += 1
            stack[top] = np.nan
            if x >= 0:
                d = first + int(x)
                q = qualities[d]
                fresh = oldest == 0 or t - times[d] <= oldest
                if counts[d] > 0 and q != BAD and fresh and not np.isnan(values[d]):
                    stack[top] = values[d]
                    test = test or q in (MAINTENANCE, TESTING)
        elif op == 7:
            stack[top] = -stack[top]
        elif op == 8:
            stack[top] = abs(stack[top])
        elif op == 19:
            stack[top] = 1.0 - stack[top]
        else:
            y = stack[top]
            top -= 1
            x = stack[top]
            r = np.nan
            if op == 17:
                if x == 0.0 or y == 0.0:
                    r = 0.0
                elif x == 1.0 and y == 1.0:
                    r = 1.0
            elif op == 18:
                if x == 1.0 or y == 1.0:
                    r = 1.0
                elif x == 0.0 and y == 0.0:
                    r = 0.0
            elif not (np.isnan(x) or np.isnan(y)):
                if op == 2:
                    r = x + y
                elif op == 3:
                    r = x - y
                elif op == 4:
                    r = x * y
                elif op == 5:
                    r = x / y if y != 0.0 else np.nan
                elif op == 6:
                    r = x % y if y != 0.0 else np.nan
                elif op == 9:
                    r = min(x, y)
                elif op == 10:
                    r = max(x, y)
                elif op == 11:
                    r = 1.0 if x < y else 0.0
                elif op == 12:
                    r = 1.0 if x <= y else 0.0
                elif op == 13:
                    r = 1.0 if x > y else 0.0
                elif op == 14:
                    r = 1.0 if x >= y else 0.0
                elif op == 15:
                    r = 1.0 if x == y else 0.0
                elif op == 16:
                    r = 1.0 if x != y else 0.0
            stack[top] = r
    return stack[0], test
