"""Which addresses may be asked: URLs that every parser reads alike, and hosts outside our own network."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from yarl import URL

from digest.errors import ConfigError

__all__ = ["AddressError", "Allowlist", "canonical", "http_url", "is_public", "literal"]

MAX_URL_CHARS = 8_000
# Parsers differ on white space, control characters and backslashes: one sees another host than the one that connects.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\s\\\ud800-\udfff]")
_SCHEME_AND_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?://(?P<authority>[^/?#]*))?")
_NAME = re.compile(r"(?=.{1,254}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
# What ends in a number is an IPv4 address to the C library, however it is written: 2130706433, 0x7f.1, 0177.1.
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")

_GLOBAL_IPV6 = IPv6Network("2000::/3")
_DOCUMENTATION_IPV6 = IPv6Network("3fff::/20")  # younger than the tables of Python 3.11
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressError(ValueError):
    """The URL cannot be asked; its only argument is a fixed phrase."""


def http_url(text: str) -> URL:
    """The http(s) URL without its fragment, with an encoded host; an IPv4 address comes in its dotted form.

    Raises AddressError: "forbidden scheme" or "bad address".
    """
    start = _SCHEME_AND_AUTHORITY.match(text)
    if start is None or len(text) > MAX_URL_CHARS or _UNSAFE.search(text):
        raise AddressError("bad address")
    if start["scheme"].lower() not in {"http", "https"}:
        raise AddressError("forbidden scheme")
    if "@" in (start["authority"] or ""):
        raise AddressError("bad address")
    try:
        url = URL(text).with_fragment(None)
        host = _canonical(url.raw_host or "", bracketed="[" in start["authority"])
        return url if host == url.raw_host else url.with_host(host)
    except (ValueError, TypeError) as error:
        raise AddressError("bad address") from error


def canonical(text: str) -> str:
    """The one spelling of an address that can be asked; what cannot stays as it is."""
    try:
        return str(http_url(text))
    except AddressError:
        return text


def _canonical(host: str, *, bracketed: bool) -> str:
    if bracketed:
        # A zone id names one of our own network interfaces: nobody else's link needs it.
        return str(IPv6Address(host)) if "%" not in host else _refuse()
    if _NUMERIC_END.search(host):
        return _dotted(host)
    return host if _NAME.fullmatch(host) else _refuse()


def _dotted(host: str) -> str:
    try:
        return str(IPv4Address(socket.inet_aton(host.removesuffix("."))))
    except OSError:
        return _refuse()


def _refuse() -> str:
    raise AddressError("bad address")


def literal(host: str) -> Address | None:
    """The address that the host is, if it is no name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether the address is one machine on the public internet; forms that carry an IPv4 address count as that."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_IPV6 and address.is_global and address not in _DOCUMENTATION_IPV6


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


@dataclass(frozen=True, slots=True)
class Allowlist:
    """Hosts, addresses and networks that the operator allows although they are not public."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Allowlist":
        """Raises ConfigError for what is neither a name, an address nor a network in CIDR form."""
        hosts, networks = set(), []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(_host_name(entry))
        return cls(frozenset(hosts), tuple(networks))

    def admits(self, host: str, address: Address) -> bool:
        """Whether the connection to this address, asked for by this host name, may be opened."""
        return is_public(address) or host.rstrip(".") in self.hosts or self._in_networks(address)

    def admits_written(self, url: URL) -> bool:
        """Whether nothing in the URL itself speaks against it; where a name leads, only the connection shows."""
        host = url.raw_host or ""
        local = host.rstrip(".").rpartition(".")[2] == "localhost"
        address = literal("127.0.0.1" if local else host)
        return address is None or self.admits(host, address)

    def _in_networks(self, address: Address) -> bool:
        inner = _embedded(address) if isinstance(address, IPv6Address) else None
        return any(one in network for one in (address, inner) if one is not None for network in self.networks)


def _host_name(entry: str) -> str:
    try:
        if not re.search(r"[/:@?#]", entry):
            return (http_url(f"http://{entry}/").raw_host or "").rstrip(".")
    except AddressError:
        pass
    problem = f"'{entry}' is no host name, address or network"
    raise ConfigError("fetch.allow_hosts", problem, "write e.g. intranet.example or 10.1.0.0/16")
