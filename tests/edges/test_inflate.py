"""Decompression: any chunking gives the same bytes, and no body is a bomb."""

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edges.inflate import InflateError, Inflater
from tests.edges.compression import COMPRESS, zstd

MEGABYTE = 1 << 20
BOMB_BYTES = 64 * MEGABYTE


def raw_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(data) + encoder.flush()


def inflate(encodings: list[str], body: bytes, limit: int = 10 * MEGABYTE, size: int = 65_536) -> bytes:
    inflater = Inflater(encodings, limit)
    out = [block for at in range(0, len(body), size) for block in inflater.feed(body[at : at + size])]
    inflater.finish()
    return b"".join(out)


@settings(deadline=None)
@given(
    encodings=st.lists(st.sampled_from(sorted(COMPRESS)), max_size=2),
    data=st.binary(max_size=300),
    times=st.sampled_from([1, 1_000]),
    size=st.integers(min_value=1, max_value=2_000),
)
def test_any_chunking_gives_the_body_back(encodings: list[str], data: bytes, times: int, size: int) -> None:
    body = data * times
    wire = body
    for name in encodings:
        wire = COMPRESS[name](wire)
    assert inflate(encodings, wire, size=max(size, len(wire) // 500)) == body


def test_deflate_without_header() -> None:
    assert inflate(["deflate"], raw_deflate(b"hello" * 100)) == b"hello" * 100


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_follow_one_another(name: str) -> None:
    wire = COMPRESS[name](b"one ") + COMPRESS[name](b"two")
    assert all(inflate([name], wire, size=size) == b"one two" for size in (1, 5, 65_536))


@pytest.mark.parametrize("name", sorted(COMPRESS.keys() - {"br"}))  # brotli's own decoder refuses it
def test_padding_behind_the_end_is_ignored(name: str) -> None:
    wire = COMPRESS[name](b"hello") + b"\x00" * 100
    assert inflate([name], wire) == b"hello" == inflate([name], wire, size=1)


@pytest.mark.parametrize("name", sorted(COMPRESS))
def test_truncated(name: str) -> None:
    with pytest.raises(InflateError, match="truncated body"):
        inflate([name], COMPRESS[name](bytes(range(256)) * 8)[:-5])


@pytest.mark.parametrize("name", sorted(COMPRESS))
def test_broken(name: str) -> None:
    with pytest.raises(InflateError, match="broken compression"):
        inflate([name], b"\xff\xff\xff\xff this is plain text")


@pytest.mark.parametrize("encodings", [["lzma"], ["gzip", "gzip", "gzip"], ["gzip", "utf-8"]])
def test_unsupported(encodings: list[str]) -> None:
    with pytest.raises(InflateError, match="unsupported compression"):
        Inflater(encodings, MEGABYTE)


@pytest.mark.parametrize("encodings", [[], ["gzip"], ["br", "zstd"]])
def test_exactly_the_limit_passes(encodings: list[str]) -> None:
    wire = bytes(MEGABYTE)
    for name in encodings:
        wire = COMPRESS[name](wire)
    assert len(inflate(encodings, wire, limit=MEGABYTE)) == MEGABYTE
    with pytest.raises(InflateError, match="body too large"):
        inflate(encodings, wire, limit=MEGABYTE - 1)


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_a_bomb_yields_small_blocks_until_the_limit(name: str) -> None:
    bomb = COMPRESS[name](bytes(BOMB_BYTES))
    inflater = Inflater([name], 10 * MEGABYTE)
    sizes: list[int] = []
    with pytest.raises(InflateError, match="body too large"):
        sizes.extend(
            len(block) for at in range(0, len(bomb), 65_536) for block in inflater.feed(bomb[at : at + 65_536])
        )
    assert sum(sizes, 0) <= 10 * MEGABYTE
    assert max(sizes, default=0) <= 128 * 1024


def test_an_inner_layer_counts_although_nothing_comes_out() -> None:
    empty_members = gzip.compress(b"") * 900 * 1_000
    with pytest.raises(InflateError):
        inflate(["gzip", "gzip"], gzip.compress(empty_members), limit=MEGABYTE)


def test_many_tiny_members_are_refused() -> None:
    with pytest.raises(InflateError, match="broken compression"):
        inflate(["gzip"], gzip.compress(b"") * 100_000)


def test_zstd_that_asks_for_a_huge_window_is_refused() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    wire = zstd.ZstdCompressor(options=options)
    with pytest.raises(InflateError, match="broken compression"):
        inflate(["zstd"], wire.compress(b"a" * 20 * MEGABYTE) + wire.flush(), limit=30 * MEGABYTE)
