"""Seeded damage to bytes, below the packing and checksums of a format or above them."""

import gzip
import io
import random
import tarfile
import zipfile

SIGNS = (
    b",", b";", b"\n", b"\r", b'"', b"\t", b"\xff", b"\0", b"NaN", b"inf", b"1e300", b"-1e39",
    b"{", b"[", b"-", b"9999-12-31", b"0001-01-01", b"", b"99999999999999999999", b"&a *a",
    b"\xe2\x82", b"\xef\xbb\xbf", b"!!python/object", b"1" * 5000,
)  # fmt: skip
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """``data`` with some bytes changed, lost, doubled, moved or put in."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 30))):
        # headers are short, and it is they that decide
        size = len(data) if rng.random() < 0.5 else min(len(data), 512)
        place, other = rng.randrange(size + 1), rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif kind == 1 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            width = rng.choice((1, 2, 4, 8))
            number = rng.choice(_NUMBERS) & ((1 << 8 * width) - 1)
            data[place : place + width] = number.to_bytes(width, rng.choice(("little", "big")))
        elif kind == 3:
            del data[place : place + rng.choice((1, 5, 100, 2000))]
        elif kind == 4:
            data[place:place] = rng.choice(SIGNS)
        elif kind == 5:
            data[place:place] = data[other : other + rng.choice((10, 300))]
        else:
            data = data.replace(rng.choice(SIGNS[:6]), rng.choice(SIGNS), rng.choice((1, 3)))
    if rng.random() < 0.2:
        del data[rng.randrange(len(data) + 1) :]
    return bytes(data[: 1 << 22])


def damaged_within(data: bytes, rng: random.Random) -> bytes:
    """As `damaged`; of what is packed, mostly the content, packed again with right checksums."""
    if rng.random() < 0.35:
        return damaged(data, rng)
    if data.startswith(b"PK"):
        return _in_zip(data, rng)
    if data.startswith(b"\x1f\x8b"):
        inner = gzip.decompress(data)
        inner = _in_tar(inner, rng) if inner[257:262] == b"ustar" else damaged(inner, rng)
        return gzip.compress(inner, 1, mtime=0)
    return damaged(data, rng)


def _in_zip(data: bytes, rng: random.Random) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            content = old.read(name)
            if name == chosen:
                content = damaged(content, rng)
                name = rng.choice((name, name, name, name, f"../{name}", name * 2, name[:-1]))
            new.writestr(name or "x", content, rng.choice((0, 8)))
    return result.getvalue()


def _in_tar(data: bytes, rng: random.Random) -> bytes:
    result = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data)) as old,
        tarfile.open(fileobj=result, mode="w") as new,
    ):
        members = old.getmembers()
        chosen = rng.choice(members)
        for member in members:
            content = old.extractfile(member)
            body = content.read() if content else b""
            if member is chosen:
                kind = rng.randrange(5)
                if kind == 0:
                    member.name = rng.choice(("../x", "/x", "a/../../x", member.name * 20, ""))
                elif kind == 1:
                    member.type = rng.choice((b"1", b"2", b"3", b"6", b"L", b"S", b"x"))
                    member.linkname = "/etc/passwd"
                elif kind == 2:
                    body = damaged(body, rng)
                    member.size = len(body)
                else:
                    member.size = rng.choice((0, len(body), 1 << 20))
                    body = body.ljust(member.size, b"\0")[: member.size]
            new.addfile(member, io.BytesIO(body))
    return damaged(result.getvalue(), rng) if rng.random() < 0.3 else result.getvalue()
