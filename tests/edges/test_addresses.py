"""What may be asked: URLs without two readings, and no host of our own network."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edges.addresses import AddressError, Allowlist, http_url, is_public
from digest.errors import ConfigError

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "223.5.5.5",
    "2606:4700::1111",
    "2400:3200::1",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_a_form_that_carries_an_address_is_judged_by_it(address: object) -> None:
    inner = int(ip_address(str(address)))
    for outer in (0xFFFF << 32 | inner, 0x64_FF9B << 96 | inner, 0x2002 << 112 | inner << 80):
        assert is_public(ip_address(outer.to_bytes(16, "big"))) == is_public(ip_address(inner))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com", "http://example.com"),
        ("HTTPS://Example.COM:443/A?b=%C3%A4#part", "https://example.com/A?b=%C3%A4"),
        (
            "http://例え.jp/ニュース?q=腾讯",
            "http://xn--r8jz45g.jp/%E3%83%8B%E3%83%A5%E3%83%BC%E3%82%B9?q=%E8%85%BE%E8%AE%AF",
        ),
        ("http://мвд.рф/", "http://xn--b1aew.xn--p1ai/"),
        ("http://a/b%2Fc%e4", "http://a/b%2Fc%E4"),
        ("http://foo_bar.example/", "http://foo_bar.example/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.1/", "http://127.0.0.1/"),
        ("http://127.1./", "http://127.0.0.1/"),
        ("http://１２７.0.0.1/", "http://127.0.0.1/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
    ],
)
def test_url(text: str, url: str) -> None:
    assert str(http_url(text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "http://",
        "http:///path",
        "http:/one-slash",
        r"http://a\@b/",
        r"http://good.example\@127.0.0.1/",
        "http://user:password@example.com/",
        "http://@example.com/",
        "http://a b/",
        " http://a/",
        "http://a/\r\nX: y",
        "http://a/\tb",
        "http://a/\x00",
        "http://a/\u3000",
        "http://a/\ud800",
        "http://a:0x50/",
        "http://a:99999/",
        "http://a:-1/",
        "http://a..b/",
        "http://%31%32%37.0.0.1/",
        "http://a%00.example/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.x]/",
        "http://[::1",
        f"http://{'a' * 64}.example/",
        f"http://a/{'b' * 8_000}",
    ],
)
def test_bad_address(text: str) -> None:
    with pytest.raises(AddressError, match="bad address"):
        http_url(text)


@pytest.mark.parametrize("text", ["file:///etc/passwd", "ftp://a/", "data:text/html,x", "gopher://a/", "javascript:x"])
def test_forbidden_scheme(text: str) -> None:
    with pytest.raises(AddressError, match="forbidden scheme"):
        http_url(text)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_url_of_ours_or_refused(tail: str) -> None:
    try:
        url = http_url(f"http://{tail}")
    except AddressError:
        return
    assert url.raw_host
    assert url.user is None
    assert http_url(str(url)) == url


def test_allowlist_by_name_admits_any_address_of_it() -> None:
    allowed = Allowlist.parse(["Intranet.Example", "例え.jp"])
    private = ip_address("10.0.0.1")
    assert allowed.admits("intranet.example", private)
    assert allowed.admits("intranet.example.", private)
    assert allowed.admits("xn--r8jz45g.jp", private)
    assert not allowed.admits("www.intranet.example", private)


def test_allowlist_by_network_admits_any_name_in_it() -> None:
    allowed = Allowlist.parse(["10.1.2.3/16", "127.0.0.1", "[::1]"])
    assert allowed.admits("any.example", ip_address("10.1.200.1"))
    assert allowed.admits("any.example", ip_address("::ffff:127.0.0.1"))
    assert allowed.admits("any.example", ip_address("::1"))
    assert not allowed.admits("any.example", ip_address("127.0.0.2"))


@pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "http://a/", "a:80", "u@a", "a b"])
def test_allowlist_names_the_bad_entry(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"fetch\.allow_hosts"):
        Allowlist.parse([entry])


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("http://10.1.2.3/", True),
        ("http://10.9.2.3/", False),
        ("http://0x7f.1/", False),
        ("http://[::ffff:192.168.0.1]/", False),
        ("http://localhost/", False),
        ("http://a.localhost./", False),
        ("http://93.184.216.34/", True),
        ("http://新闻.example/", True),
        ("http://intranet.example/", True),
    ],
)
def test_what_a_url_itself_says_is_judged_without_asking_for_names(url: str, admitted: bool) -> None:
    assert Allowlist.parse(["10.1.0.0/16"]).admits_written(http_url(url)) is admitted
