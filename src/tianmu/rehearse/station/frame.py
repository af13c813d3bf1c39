"""The logger's side of an HJ 212 frame, written apart from the centre's codec.

A second reading of the standard: what this packs, the centre must understand, and the other way
about. It knows only what a logger sends and is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Fields = dict[str, str]
"""fields before ``CP`` and, under ``CP``, the data area"""

AREA = 950
"""bytes a data area may have (2017, table 3); longer ones are split"""


def _shifted_out(register: int) -> int:
    for _ in range(8):
        out = register & 1
        register >>= 1
        if out:
            register ^= 0xA001
    return register


_OF_BYTE = [_shifted_out(byte) for byte in range(256)]


def check(segment: bytes) -> int:
    """HJ 212-2017 appendix A: the high half of the register, xored with the byte, then shifted
    out eight times."""
    register = 0xFFFF
    for byte in segment:
        register = _OF_BYTE[(register >> 8) ^ byte]
    return register


def cipher(area: bytes, key: bytes, *, back: bool = False) -> bytes:
    """SM4 in ECB over the whole blocks of a data area (2025 6.4.2); the tail stays plain."""
    whole = len(area) // 16 * 16
    both = Cipher(algorithms.SM4(key), modes.ECB())  # noqa: S305 - as the standard prescribes
    worker = both.decryptor() if back else both.encryptor()
    return worker.update(area[:whole]) + area[whole:]


def pack(fields: Iterable[tuple[str, str]], area: str, key: bytes | None = None) -> bytes:
    """A frame; with a key its data area is encrypted and the check sum that of the plain text."""
    front = "".join(f"{name}={value};" for name, value in fields).encode() + b"CP=&&"
    body = area.encode()
    number = check(front + body + b"&&")
    sent = front + (cipher(body, key) if key else body) + b"&&"
    return b"##" + f"{len(sent):04d}".encode() + sent + f"{number:04X}\r\n".encode()


def unpack(buffer: bytearray, key: bytes | None = None) -> Iterator[Fields]:
    """Whole frames at the head of ``buffer``, which are taken out of it; broken ones are skipped,
    as loggers do."""
    while True:
        start = buffer.find(b"##")
        if start < 0:
            del buffer[: max(0, len(buffer) - 1)]
            return
        del buffer[:start]
        if len(buffer) < 6:
            return
        if not buffer[2:6].isdigit():
            del buffer[:2]
            continue
        end = 6 + int(buffer[2:6])
        if len(buffer) < end + 6:
            return
        segment, told = bytes(buffer[6:end]), bytes(buffer[end : end + 4])
        del buffer[: end + 6]
        fields = _fields(segment, told, key)
        if fields is not None:
            yield fields


def _fields(segment: bytes, told: bytes, key: bytes | None) -> Fields | None:
    front, mark, rest = segment.partition(b"CP=&&")
    if not mark or not rest.endswith(b"&&"):
        return None
    area = rest[:-2]
    try:
        number = int(told, 16)
        if check(segment) != number:
            if key is None:
                return None
            area = cipher(area, key, back=True)
            if check(front + mark + area + b"&&") != number:
                return None
        fields = dict(
            item.split("=", 1) for item in front.decode().split(";") if "=" in item
        )  # fmt: skip
        fields["CP"] = area.decode()
    except ValueError:
        return None
    return fields


def values(area: str) -> dict[str, str]:
    """Keys and values of a data area, whatever separates them."""
    return dict(
        pair.split("=", 1) for pair in area.replace(",", ";").split(";") if "=" in pair
    )  # fmt: skip


def split(items: Iterable[str], first: str, most: int = AREA) -> list[str]:
    """Data areas of at most ``most`` bytes, each beginning with the item ``first``."""
    areas: list[str] = []
    now = first
    for item in items:
        more = f"{now};{item}"
        if len(more.encode()) > most and now != first:
            areas.append(now)
            more = f"{first};{item}"
        now = more
    return [*areas, now]
