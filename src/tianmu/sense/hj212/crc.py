"""The check sum of HJ 212 (HJ 212-2017 appendix A; the same in HJ/T 212-2005 and HJ 212-2025).

It is not the Modbus CRC: the register is shifted right by eight *before* the byte is xored in.
"""

from __future__ import annotations


def _step(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return register


_TABLE = tuple(_step(value) for value in range(256))
# (register >> 8) ^ byte is at most 0xFF, so a step is one look-up


def crc(segment: bytes | bytearray | memoryview) -> int:
    """Check sum of a data segment, from its first byte to the closing ``&&``; 0…0xFFFF."""
    register = 0xFFFF
    table = _TABLE
    for byte in segment:
        register = table[(register >> 8) ^ byte]
    return register


def crc_text(segment: bytes | bytearray | memoryview) -> str:
    """The check sum as a frame carries it: four upper-case hex digits, high byte first."""
    return f"{crc(segment):04X}"
