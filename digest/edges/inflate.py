"""Decompression of HTTP bodies that cannot be used as a bomb: output comes in small blocks and is counted."""

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["ACCEPT_ENCODING", "InflateError", "Inflater"]

ACCEPT_ENCODING = "gzip, deflate, br, zstd"
BLOCK_BYTES = 65_536
MAX_LAYERS = 2
# Real bodies have a few members, those of parallel compressors a few hundred; each costs a new decoder.
MAX_MEMBERS = 1_000
# RFC 9659: a decoder of HTTP content need not keep more than 8 MiB; the library's own default is 128.
ZSTD_WINDOW_LOG = 23


class InflateError(ValueError):
    """The body cannot be had; its only argument is a fixed phrase."""


class Inflater:
    """Undoes the named content encodings (in the order of the header) over a body that comes in chunks.

    No layer may yield more than `limit` bytes: an inner one that swells counts although little comes out of it.
    """

    def __init__(self, encodings: Sequence[str], limit: int) -> None:
        if len(encodings) > MAX_LAYERS or not set(encodings) <= _CODECS.keys():
            raise InflateError("unsupported compression")
        self._layers = [_Layer(_CODECS[name], limit) for name in reversed(encodings)]
        self._room = limit

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The decompressed blocks that this chunk of the body completes."""
        try:
            for block in _through(self._layers, chunk):
                self._room -= len(block)
                if self._room < 0:
                    raise InflateError("body too large")
                yield block
        except (zlib.error, zstd.ZstdError, brotli.error) as error:
            raise InflateError("broken compression") from error

    def finish(self) -> None:
        """Raises InflateError where the body ended too early."""
        if not all(layer.complete for layer in self._layers):
            raise InflateError("truncated body")


def _through(layers: Sequence["_Layer"], data: bytes) -> Iterator[bytes]:
    if not layers:
        yield data
        return
    for block in layers[0].feed(data):
        yield from _through(layers[1:], block)


class _Member(Protocol):
    """One compressed stream; a step yields about a block at most."""

    @property
    def more(self) -> bytes:
        """First bytes by which a further member is known; anything else behind a member is padding."""

    @property
    def hungry(self) -> bool:
        """Whether nothing is left to yield without more input."""

    @property
    def ended(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """Input behind the end."""

    def step(self, data: bytes) -> bytes: ...


class _Layer:
    """One encoding: the members that follow one another, and how much may come of them."""

    def __init__(self, new: Callable[[], _Member], limit: int) -> None:
        self._new = new
        self._member = new()
        self._members = 0
        self._fresh = True
        self._over = False
        self._room = limit

    @property
    def complete(self) -> bool:
        return self._over or self._fresh

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not self._member.hungry:
            if self._over or self._is_padding(data):
                self._over = True
                return
            self._fresh = False
            block = self._member.step(data)
            self._room -= len(block)
            if self._room < 0:
                raise InflateError("body too large")
            if block:
                yield block
            data = self._next_member() if self._member.ended else b""

    def _is_padding(self, data: bytes) -> bool:
        return self._fresh and self._members > 0 and data[:1] not in self._member.more

    def _next_member(self) -> bytes:
        rest = self._member.rest
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise InflateError("broken compression")
        self._member = self._new()
        self._fresh = True
        return rest


class _Zlib:
    """Gzip, or deflate: with the header that the standard asks for, or bare as some servers send it."""

    def __init__(self, *, gzip: bool) -> None:
        self.more = b"\x1f" if gzip else b""
        self.hungry = True
        self._tail = b""
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS) if gzip else None

    def step(self, data: bytes) -> bytes:
        if self._decoder is None:
            self._decoder = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        block = self._decoder.decompress(self._tail + data, BLOCK_BYTES)
        self._tail = self._decoder.unconsumed_tail
        # A full block may leave output inside the decoder although all input is consumed.
        self.hungry = not self._tail and len(block) < BLOCK_BYTES
        return block

    @property
    def ended(self) -> bool:
        return self._decoder is not None and self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data if self._decoder is not None else b""


class _Zstd:
    more = bytes([0x28, *range(0x50, 0x60)])  # a frame, or one to be skipped

    def __init__(self) -> None:
        self._decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})

    def step(self, data: bytes) -> bytes:
        return self._decoder.decompress(data, BLOCK_BYTES)

    @property
    def hungry(self) -> bool:
        return self._decoder.needs_input

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data


class _Brotli:
    more = b""
    rest = b""

    def __init__(self) -> None:
        self.hungry = True
        self._decoder = brotli.Decompressor()

    def step(self, data: bytes) -> bytes:
        block: bytes = self._decoder.process(data, output_buffer_limit=BLOCK_BYTES)
        # The decoder calls itself ready for input while it still holds output: only an empty block tells.
        self.hungry = not block and self._decoder.can_accept_more_data()
        return block

    @property
    def ended(self) -> bool:
        return bool(self._decoder.is_finished())


_CODECS: dict[str, Callable[[], _Member]] = {
    "gzip": lambda: _Zlib(gzip=True),
    "x-gzip": lambda: _Zlib(gzip=True),
    "deflate": lambda: _Zlib(gzip=False),
    "br": _Brotli,
    "zstd": _Zstd,
}
