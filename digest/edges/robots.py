"""What a site asks of us: in its robots.txt, and in the headers of its pages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from protego import Protego

__all__ = ["MAX_ROBOTS_BYTES", "Rules", "reservation"]

# RFC 9309 asks for at least this much; what comes after it is not read.
MAX_ROBOTS_BYTES = 500 * 1024
# Longer waits would hold up a night's run; a site that wants more says so with Retry-After.
MAX_CRAWL_DELAY_SECONDS = 10.0
MOST_SITEMAPS = 100
MAX_RESERVATION_CHARS = 1_000

_AGENT_LINE = re.compile(r"\s*user(?:-|\s*)agent\s*(?::|\s)(?P<value>[^#]*)", re.IGNORECASE)
_NOBODY = "User-agent: ?"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one robots.txt for one agent, whose name is the product token: "Digest" of "Digest/1.0 (+https://...)"."""

    agent: str
    parsed: Protego
    stated: bool = True  # False: the site has no robots.txt

    @classmethod
    def parse(cls, body: bytes | None, user_agent: str) -> "Rules":
        """Never fails: a line that cannot be read is no rule, a page of HTML has none, and None is no robots.txt."""
        agent = user_agent.partition("/")[0].strip().lower()
        text = (body or b"")[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace")
        return cls(agent, Protego.parse("\n".join(_concerning(agent, text))), stated=body is not None)

    def allow(self, url: str) -> bool:
        return bool(self.parsed.can_fetch(url, self.agent))

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """The addresses that it lists, as written."""
        return tuple(islice(self.parsed.sitemaps, MOST_SITEMAPS))

    @property
    def delay(self) -> float:
        """Seconds between two requests."""
        return min(self.parsed.crawl_delay(self.agent) or 0.0, MAX_CRAWL_DELAY_SECONDS)


def _concerning(agent: str, text: str) -> Iterator[str]:
    # Protego keeps each rule once for every agent of its group: 4,000 agents with 4,000 rules (134 kB) cost it 43 s
    # and 1.4 GB. All agents that are not ours become one.
    for line in text.splitlines():
        match = _AGENT_LINE.match(line)
        if match is None:
            yield line
            continue
        name = match["value"].partition("/")[0].strip().lower()
        ours = name == "*" or name.replace("*", "") == agent
        yield f"User-agent: {name.replace('*', '') or '*'}" if ours else _NOBODY


def reservation(headers: Mapping[str, str]) -> str:
    """What the headers of an answer reserve of text and data mining (TDMRep), and what they ask of machines; or ""."""
    stated = []
    if headers.get("tdm-reservation", "").strip() == "1":
        stated.append("tdm-reservation: 1")
        stated += [f"tdm-policy: {policy}" for policy in [headers.get("tdm-policy", "").strip()] if policy]
    told = headers.get("x-robots-tag", "")
    if re.search(r"\bno(?:ai|imageai|index|archive|snippet)\b|\bnone\b", told, re.IGNORECASE):
        stated.append(f"x-robots-tag: {told.strip()}")
    return "; ".join(stated)[:MAX_RESERVATION_CHARS]
